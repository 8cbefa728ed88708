// SPDX-License-Identifier: GPL-3.0-or-later
// TerminalTeller: tells who changed something by hand that it was changed back. Where a repair was made necessary from
// a login's terminal, one line is written there, as write(1) does: what was restored, from which line of which graph,
// and how to pause it. Never more than one line in a few seconds: what comes in between is counted. Never waits.
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "src/async/loop.h"
#include "src/base/process.h"
#include "src/report/report.h"

namespace mgmt::cli {

class TerminalTeller : public report::Reader {
 public:
  /// file:line of a resource's declaration; "" if it isn't known any more.
  using Place = std::function<std::string(const std::string& resource)>;
  TerminalTeller(Loop& loop, Place place) : loop_(loop), place_(std::move(place)) {}
  void on_event(const report::Event& event) override;

  static constexpr Duration kPause = std::chrono::seconds(5);

 private:
  struct Told {
    explicit Told(Loop& loop) : pause(loop) {}
    Process last;  // who
    std::size_t more = 0;
    Loop::Timer pause;
  };
  void go_on(const std::string& terminal);

  Loop& loop_;
  Place place_;
  /// By terminal: those that were told something lately.
  std::map<std::string, Told> told_;
};

/// Writes a line to the process's terminal, if that is one, and its user's. False if not, or it can't be written to.
bool write_to_terminal(const Process& process, const std::string& line);

}  // namespace mgmt::cli
