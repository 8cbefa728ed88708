// SPDX-License-Identifier: GPL-3.0-or-later
// Resumes: tells when the machine has slept (suspend, hibernation). What happened to its disks and shares meanwhile
// made no event.
//
// Nothing wakes up for it: a timer that never fires is cancelled by the kernel when the wall clock jumps, as it does at
// each resume (TFD_TIMER_CANCEL_ON_SET, timerfd_create(2)); whether the machine has slept is what the clocks say then.
#pragma once

#include <chrono>
#include <functional>

#include "src/async/loop.h"
#include "src/base/fd.h"

namespace mgmt::events {

/// SleepClock: CLOCK_BOOTTIME goes on while the machine sleeps, and CLOCK_MONOTONIC doesn't; nothing else moves one
/// against the other. Pure.
class SleepClock {
 public:
  using Time = std::chrono::nanoseconds;
  SleepClock(Time boottime, Time monotonic) : asleep_(boottime - monotonic) {}

  /// The machine has slept since the last time that this was asked.
  bool has_slept(Time boottime, Time monotonic) {
    // They can't be read at the same moment.
    constexpr Time kInexact = std::chrono::seconds(1);
    if (boottime - monotonic < asleep_ + kInexact) return false;
    asleep_ = boottime - monotonic;
    return true;
  }

 private:
  Time asleep_;
};

/// On the loop's thread.
class Resumes {
 public:
  Resumes(Loop& loop, std::function<void()> slept);

 private:
  void arm() const;
  void on_jump();

  std::function<void()> slept_;
  SleepClock clock_;
  Fd timer_;
  Loop::FdWatch watch_;  // before the descriptor goes
};

}  // namespace mgmt::events
