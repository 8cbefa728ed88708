// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/clock/resumes.h"

#include <gtest/gtest.h>

namespace mgmt::events {
namespace {

using namespace std::chrono_literals;

TEST(SleepClock, WhatHappensWhileAwakeIsNoSleep) {
  SleepClock clock(10h, 7h);  // it had slept for 3 h before
  EXPECT_FALSE(clock.has_slept(10h + 5min, 7h + 5min));
  // Between the two readings the program had to wait.
  EXPECT_FALSE(clock.has_slept(10h + 5min + 400ms, 7h + 5min));
}

TEST(SleepClock, ASleepIsToldOnce) {
  SleepClock clock(10h, 7h);
  EXPECT_TRUE(clock.has_slept(18h, 7h + 1s));
  EXPECT_FALSE(clock.has_slept(18h + 1s, 7h + 2s));
  EXPECT_TRUE(clock.has_slept(18h + 1min, 7h + 3s));
}

TEST(Resumes, WithoutAJumpOfTheClockNothingWakesUp) {
  Loop loop;
  int calls = 0;
  Resumes resumes(loop, [&] { ++calls; });
  Loop::Timer end(loop);
  end.after(50ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace mgmt::events
