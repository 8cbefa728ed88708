// SPDX-License-Identifier: GPL-3.0-or-later
// View: what an event looks like, as bytes. Knows no descriptor and no clock; what has to be done with the
// bytes, and when, is the Writer's.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "src/report/event.h"

namespace mgmt::views {

class View {
 public:
  using Time = std::chrono::steady_clock::time_point;

  virtual ~View() = default;

  /// False for an event that show() would show nothing of. Any thread; all else is one thread's.
  virtual bool wants(const report::Body& body) const = 0;
  /// Appends whole lines.
  virtual void show(const report::Event& event, std::string& out) = 0;
  /// In place of `count` events that nobody took in time.
  virtual void show_dropped(std::size_t count, std::string& out) = 0;

  /// What is drawn over and over: called after each batch of events, and at the time that due() names.
  virtual void redraw(Time /*now*/, std::string& /*out*/) {}
  /// When redraw() has something to do though no event comes.
  virtual std::optional<Time> due() const { return std::nullopt; }
  /// The last call: leaves nothing behind that was drawn.
  virtual void finish(std::string& /*out*/) {}
};

}  // namespace mgmt::views
