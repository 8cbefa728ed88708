// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace mgmt {
namespace {

using namespace std::chrono_literals;

TEST(Loop, PostedFromAnotherThreadRunsOnTheLoopsThread) {
  Loop loop;
  std::thread::id seen;
  std::thread other([&] {
    loop.post([&] {
      seen = std::this_thread::get_id();
      loop.stop();
    });
  });
  loop.run();
  other.join();
  EXPECT_EQ(seen, std::this_thread::get_id());
}

TEST(Loop, ATimerThatWasReplacedOrDestroyedDoesNotFire) {
  Loop loop;
  std::string fired;
  Loop::Timer kept(loop);
  kept.after(0ms, [&] { fired += "a"; });
  kept.after(1ms, [&] { fired += "b"; });
  {
    Loop::Timer gone(loop);
    gone.after(0ms, [&] { fired += "c"; });
  }
  Loop::Timer end(loop);
  end.after(5ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, "b");
  EXPECT_FALSE(kept.pending());
}

TEST(Loop, AnFdWatchCallsForEachByteAndMayBeDestroyedFromItsCall) {
  Loop loop;
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  int calls = 0;
  Loop::FdWatch watch;
  watch = Loop::FdWatch(loop, fds[0], [&] {
    char byte;
    EXPECT_EQ(read(fds[0], &byte, 1), 1);
    if (++calls == 2) {
      watch = {};
      loop.stop();
    }
  });
  EXPECT_EQ(write(fds[1], "ab", 2), 2);
  loop.run();
  EXPECT_EQ(calls, 2);
  close(fds[0]);
  close(fds[1]);
}

}  // namespace
}  // namespace mgmt
