// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/run_child.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "src/base/fd.h"

namespace mgmt {
namespace {

using namespace std::chrono_literals;

Command shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .env = {{"PATH", "/usr/bin:/bin"}}};
}

TEST(RunChild, GivesWhatItPrintedAndHowItEnded) {
  Result<ChildRun> run = run_child(shell("echo out; echo err >&2; cat; exit 3"), 60s, 1000);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->ending.status, 3);
  EXPECT_EQ(run->output, "out\nerr\n");
  EXPECT_FALSE(run->timed_out);
  EXPECT_FALSE(run->cut);
}

TEST(RunChild, KeepsTheEndOfMuchOutput) {
  Result<ChildRun> run = run_child(shell("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done"), 60s, 20);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->output, "line 4998\nline 4999\n");
  EXPECT_TRUE(run->cut);
}

TEST(RunChild, KillsWhatTakesTooLongAndWhatItStarted) {
  Result<ChildRun> run = run_child(shell("sleep 1000 & echo $!; wait"), 200ms, 1000);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_TRUE(run->timed_out);
  EXPECT_EQ(run->ending.signal, SIGKILL);
  // Killed is not yet dead: its end is an event.
  Fd left(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(run->output), 0)));
  if (!left) {
    EXPECT_EQ(errno, ESRCH);
    return;
  }
  pollfd end{.fd = left.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&end, 1, 30'000), 1);
}

TEST(RunChild, DoesNotWaitForWhatHoldsItsOutput) {
  Result<ChildRun> run = run_child(shell("sleep 1000 & exit 0"), 60s, 1000);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->ending.status, 0);
}

TEST(RunChild, SaysWhyItCannotBeStarted) {
  Result<ChildRun> run = run_child({.argv = {"no-such-thing"}, .env = {{"PATH", "/bin"}}}, 60s, 1000);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().text(), "starting `no-such-thing`: command not found in PATH=/bin");
}

TEST(RunChild, WorksOnManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int number = 0; number < 8; ++number)
    threads.emplace_back([number] {
      for (int i = 0; i < 20; ++i) {
        Result<ChildRun> run = run_child(shell("echo " + std::to_string(number)), 60s, 100);
        ASSERT_TRUE(run) << run.error().text();
        EXPECT_EQ(run->output, std::to_string(number) + "\n");
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace mgmt
