// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/converge/convergence.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using namespace std::chrono_literals;
constexpr Convergence::Time kStart{};

TEST(Convergence, WithoutAWindowTheFirstQuietMomentIsIt) {
  Convergence c(0s);
  c.active(kStart);
  EXPECT_FALSE(c.ask(kStart, false).announce);
  EXPECT_TRUE(c.ask(kStart, true).announce);
  EXPECT_FALSE(c.ask(kStart + 1s, true).announce) << "once";
  c.active(kStart + 2s);
  EXPECT_TRUE(c.ask(kStart + 2s, true).announce);
}

TEST(Convergence, TheWindowRestartsOnActivity) {
  Convergence c(5s);
  c.active(kStart);
  EXPECT_EQ(c.ask(kStart + 1s, true).ask_at, kStart + 5s);
  c.active(kStart + 4s);
  EXPECT_EQ(c.ask(kStart + 5s, true).ask_at, kStart + 9s);
  EXPECT_TRUE(c.ask(kStart + 9s, true).announce);
}

TEST(Convergence, AChecksThatFindsNothingDelaysItOnlyWhileItRuns) {
  Convergence c(5s);
  c.active(kStart);
  auto at_the_end = c.ask(kStart + 5s, false);
  EXPECT_FALSE(at_the_end.announce);
  EXPECT_EQ(at_the_end.ask_at, std::nullopt);
  EXPECT_TRUE(c.ask(kStart + 5100ms, true).announce);
}

}  // namespace
}  // namespace mgmt
