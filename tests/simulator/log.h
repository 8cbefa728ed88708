// SPDX-License-Identifier: GPL-3.0-or-later
// Log: the steps of a run, for who replays it, and the first rule that was broken.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "src/async/loop.h"

namespace mgmt::simulator {

class Log {
 public:
  explicit Log(bool trace) : trace_(trace) {}

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    if (trace_) print(fmt::format(format, std::forward<Args>(args)...));
  }
  /// A rule is broken.
  template <class... Args>
  void wrong(fmt::format_string<Args...> format, Args&&... args) {
    if (!violation_.empty()) return;
    violation_ = fmt::format(format, std::forward<Args>(args)...);
    if (trace_) print("WRONG: " + violation_);
  }
  const std::string& violation() const { return violation_; }
  bool tracing() const { return trace_; }

 private:
  static void print(const std::string& text) {
    auto now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    fmt::print("{:10.3f}  {}\n", now, text);
  }

  bool trace_;
  std::string violation_;
};

}  // namespace mgmt::simulator
