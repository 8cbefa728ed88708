// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/retry.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using namespace std::chrono_literals;

TEST(Retry, ByDefaultAFewWithGrowingWaits) {
  EXPECT_EQ(retry_wait({}, 0, 0.5), 250ms);
  EXPECT_EQ(retry_wait({}, 1, 0.5), 500ms);
  EXPECT_EQ(retry_wait({}, 2, 0.5), 1s);
  EXPECT_EQ(retry_wait({}, 3, 0.5), std::nullopt);
  EXPECT_TRUE(success_resets_retries({}));
}

TEST(Retry, WaitsAreSpreadByAQuarter) {
  EXPECT_EQ(retry_wait({}, 1, 0), 375ms);
  EXPECT_LT(*retry_wait({}, 1, 0.999), 626ms);
  EXPECT_GT(*retry_wait({}, 1, 0.999), 620ms);
}

TEST(Retry, ForEverStaysBelowTheLongestWait) {
  Meta meta;
  meta.retry = -1;
  EXPECT_EQ(retry_wait(meta, 1'000'000, 0.5), kLongestRetry);
}

TEST(Retry, ADelayThatIsSetIsTheWait) {
  Meta meta;
  meta.retry = 2;
  meta.delay = 0ms;
  EXPECT_EQ(retry_wait(meta, 1, 0.9), 0ms);
  EXPECT_EQ(retry_wait(meta, 2, 0.9), std::nullopt);
  EXPECT_FALSE(success_resets_retries(meta));
}

TEST(Retry, ZeroIsNone) {
  Meta meta;
  meta.retry = 0;
  EXPECT_EQ(retry_wait(meta, 0, 0), std::nullopt);
}

}  // namespace
}  // namespace mgmt
