// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/converge/recheck_pace.h"

#include <gtest/gtest.h>

#include <vector>

namespace mgmt {
namespace {

using namespace std::chrono_literals;

TEST(RecheckPace, ARoundLooksAtEachOnceInFewStepsAndTakesAsLongAsAsked) {
  for (std::size_t resources : {1, 2, 29, 30, 31, 100, 10'000}) {
    RecheckPace pace(30min);
    RecheckPace::Span all{0};
    std::size_t steps = 0, next = 0;
    while (next < resources) {
      RecheckPace::Step step = pace.next(resources, 0.5);
      EXPECT_EQ(step.begin, next);
      EXPECT_GT(step.end, step.begin);
      next = step.end;
      all += step.wait;
      ++steps;
    }
    EXPECT_EQ(next, resources);
    EXPECT_LE(steps, RecheckPace::kSteps);
    EXPECT_NEAR(std::chrono::duration<double>(all).count(), 1800, 0.001) << resources;
    EXPECT_EQ(pace.next(resources, 0.5).begin, 0U);  // and again
  }
}

TEST(RecheckPace, ManyAreSpread) {
  RecheckPace pace(30min);
  RecheckPace::Step step = pace.next(10'000, 0.5);
  EXPECT_EQ(step.end, 334U);
  EXPECT_GT(step.wait, 55s);
}

TEST(RecheckPace, RoundsAreLongerAndShorterByChance) {
  EXPECT_NEAR(std::chrono::duration<double>(RecheckPace(100s).next(1, 0).wait).count(), 90, 0.001);
  EXPECT_NEAR(std::chrono::duration<double>(RecheckPace(100s).next(1, 1).wait).count(), 110, 0.001);
}

TEST(RecheckPace, AGraphThatShrinksBeginsANewRound) {
  RecheckPace pace(30s);
  pace.next(60, 0.5);
  pace.next(60, 0.5);
  EXPECT_EQ(pace.next(3, 0.5).begin, 0U);
}

TEST(RecheckPace, WithoutResourcesItJustWaits) {
  RecheckPace pace(30s);
  RecheckPace::Step step = pace.next(0, 0.5);
  EXPECT_EQ(step.begin, step.end);
  EXPECT_GT(step.wait, 20s);
}

}  // namespace
}  // namespace mgmt
