// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/converge/repair_limit.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using namespace std::chrono_literals;
constexpr RepairLimit::Time kStart = RepairLimit::Time{} + 1h;

TEST(RepairLimit, UpToTheLimitNothingHappens) {
  RepairLimit limit;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limit.repaired(kStart + i * 1ms, 1000).pause, 0s);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limit.repaired(kStart + 11s + i * 1ms, 1000).pause, 0s);
}

TEST(RepairLimit, AFightPausesLongerAndLongerAndIsSaidOnce) {
  RepairLimit limit;
  auto now = kStart;
  for (int i = 0; i < 3; ++i) limit.repaired(now, 3);
  auto first = limit.repaired(now, 3);
  EXPECT_EQ(first.pause, 1s);
  EXPECT_TRUE(first.warn);
  RepairLimit::Span pause = first.pause;
  for (int i = 0; i < 10; ++i) {
    now += pause;
    auto next = limit.repaired(now, 3);
    EXPECT_FALSE(next.warn);
    EXPECT_EQ(next.pause, std::min<RepairLimit::Span>(pause * 2, 1min));
    pause = next.pause;
  }
  now += pause + 11s;
  EXPECT_EQ(limit.repaired(now, 3).pause, 0s) << "the fight is over";
}

TEST(RepairLimit, ThePeriodCanBeAnother) {
  RepairLimit limit;
  RepairLimit::Time now = kStart;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.repaired(now += 20s, 2, 1min).pause, i < 2 ? 0s : 1s);
}

}  // namespace
}  // namespace mgmt
