// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/signal/signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace mgmt::events {
namespace {

TEST(Signals, ASignalIsACallOnTheLoopAndNothingElse) {
  Loop loop;
  std::vector<int> seen;
  Signals signals(loop, {SIGUSR1, SIGUSR2}, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 2) loop.stop();
  });
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGUSR2}));
}

}  // namespace
}  // namespace mgmt::events
