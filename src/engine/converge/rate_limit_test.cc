// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/converge/rate_limit.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using namespace std::chrono_literals;

TEST(RateLimit, ABurstThenTheRate) {
  RateLimit limit;
  RateLimit::Time now{1h};
  EXPECT_EQ(limit.take(now, 2, 3), 0s);
  EXPECT_EQ(limit.take(now, 2, 3), 0s);
  EXPECT_EQ(limit.take(now, 2, 3), 0s);
  auto wait = limit.take(now, 2, 3);
  EXPECT_GE(wait, 500ms);
  EXPECT_LT(wait, 501ms);
  EXPECT_EQ(limit.take(now + wait, 2, 3), 0s);
  EXPECT_GT(limit.take(now + wait, 2, 3), 0s);
}

TEST(RateLimit, TheBucketHoldsNoMoreThanABurst) {
  RateLimit limit;
  RateLimit::Time now{1h};
  limit.take(now, 10, 2);
  now += 1h;
  EXPECT_EQ(limit.take(now, 10, 2), 0s);
  EXPECT_EQ(limit.take(now, 10, 2), 0s);
  EXPECT_GT(limit.take(now, 10, 2), 0s);
}

TEST(RateLimit, ATinyRateDoesntOverflow) {
  RateLimit limit;
  RateLimit::Time now{1h};
  limit.take(now, 1e-300, 1);
  EXPECT_GT(limit.take(now, 1e-300, 1), 1h);
}

}  // namespace
}  // namespace mgmt
