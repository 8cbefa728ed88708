// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/run_child.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

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
  // A zombie at most, until init has reaped it.
  pid_t left = std::stoi(run->output);
  std::string state = "/proc/" + std::to_string(left) + "/stat";
  EXPECT_TRUE(::kill(left, 0) != 0 || read_file(state).contains(") Z "));
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
