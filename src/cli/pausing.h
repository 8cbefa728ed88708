// SPDX-License-Identifier: GPL-3.0-or-later
// Pausing: why a running agent reports what differs and doesn't repair it for now: pauses that somebody asked for, the
// hold of the machine (for root's agents: /run/mgmt/hold, or `mgmt.noop` on the kernel's command line). Tells the
// engine, and the user each time that it changes. On the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "src/async/loop.h"
#include "src/engine/run/engine.h"
#include "src/report/report.h"
#include "src/state/pauses.h"
#include "src/value/value.h"

namespace mgmt::cli {

/// Appears: nothing is repaired. Goes: all is. What stands in it is the reason.
inline constexpr const char* kHoldPath = "/run/mgmt/hold";

class Pausing {
 public:
  /// `path`: where pauses are kept; empty: nowhere. `machine`: minds the hold.
  Pausing(Loop& loop, report::Report& report, Engine& engine, std::string path, bool machine);

  /// Before the first graph.
  void begin();
  /// Nothing at all is to be changed.
  bool all() const { return withheld_.all; }
  /// After all() has changed, once the first graph runs.
  std::function<void()> on_change;

  /// For who asks: {"resource", "until", "reason"}, and {"resource"}; the answer, as JSON.
  /// Of a resource that `knows` has not, none is made.
  std::string pause(const Value& request, const std::function<bool(const std::string&)>& knows);
  std::string resume(const Value& request);
  /// [{"resource", "until", "reason", "by"}]: `by` is "pause", "hold" or "boot"; times in seconds since 1970.
  std::string status() const;

 private:
  void look_at_hold();
  void on_time();
  void act();
  void tell(report::Notice::Level level, std::string text, std::string hint = {});
  /// What keeps a change from being remembered, in words; "" if nothing does.
  std::string keep();

  report::Report& report_;
  Engine& engine_;
  std::string path_;
  bool machine_;
  state::Pauses pauses_;
  Engine::Withheld withheld_;
  std::optional<std::string> held_;  // why
  bool boot_ = false;
  std::unique_ptr<events::FileWatcher::Watch> hold_watch_;
  Loop::Timer timer_, hold_timer_;
};

}  // namespace mgmt::cli
