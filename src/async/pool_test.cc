// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/pool.h"

#include <gtest/gtest.h>

#include <latch>

#include "src/base/error.h"
#include "src/testing/no_threads.h"

namespace mgmt {
namespace {

TEST(Pool, EachResultComesBackOnTheLoopsThread) {
  Loop loop;
  Pool pool(loop, 4);
  constexpr int kJobs = 1000;
  int done = 0;
  for (int i = 0; i < kJobs; ++i) {
    pool.submit([&]() -> Pool::Done {
      return [&] {
        if (++done == kJobs) loop.stop();
      };
    });
  }
  loop.run();
  EXPECT_EQ(done, kJobs);
}

TEST(Pool, AJobDoesNotWaitForASlowOne) {
  Loop loop;
  Pool pool(loop, 2);
  std::latch release(1);
  pool.submit([&]() -> Pool::Done {
    release.wait();
    return [&] { loop.stop(); };
  });
  pool.submit([&]() -> Pool::Done { return [&] { release.count_down(); }; });
  loop.run();  // hangs if the second result waits for the first
}

TEST(Pool, InABurstAResultComesBeforeALongJobBehindItEnds) {
  Loop loop;
  Pool pool(loop, 1);
  std::vector<bool> bursts;
  pool.on_burst = [&](bool begins) {
    bursts.push_back(begins);
    loop.stop();
  };
  constexpr int kJobs = 200;
  std::latch release(1);
  int done = 0;
  for (int i = 0; i < kJobs; ++i) {
    pool.submit([&, i]() -> Pool::Done {
      if (i == 1) release.wait();
      return [&] {
        if (++done == kJobs) loop.stop();
      };
    });
  }
  ASSERT_EQ(bursts, std::vector{true});
  Loop::Timer long_after(loop);
  long_after.after(std::chrono::milliseconds(50), [&] {
    EXPECT_EQ(done, 1);
    // It is no burst in which nothing is done.
    EXPECT_LE(bursts.size(), 4u);
    EXPECT_FALSE(bursts.back());
    release.count_down();
  });
  while (done < kJobs || bursts.back()) loop.run();
  for (std::size_t i = 0; i < bursts.size(); ++i) EXPECT_EQ(bursts[i], i % 2 == 0);
}

TEST(Pool, WhereTheKernelRefusesAThreadThoseThatThereAreDoTheWork) {
  Loop loop;
  Pool pool(loop, 2);
  std::latch release(1);
  pool.submit([&]() -> Pool::Done {
    release.wait();
    return [] {};
  });
  {
    NoThreads none;
    pool.submit([&]() -> Pool::Done { return [&] { loop.stop(); }; });
    Pool other(loop, 1);
    EXPECT_THROW(other.submit([]() -> Pool::Done { return [] {}; }), Error);
  }
  release.count_down();
  loop.run();
}

TEST(Pool, AStuckThreadIsReplaced) {
  Loop loop;
  Pool pool(loop, 1);
  std::latch release(1);
  int done = 0;
  pool.submit([&]() -> Pool::Done {
    release.wait();
    return [&] {
      pool.release_thread();
      ++done;
      loop.stop();
    };
  });
  pool.submit([&]() -> Pool::Done {
    return [&] {
      ++done;
      release.count_down();
    };
  });
  pool.replace_thread();
  loop.run();
  EXPECT_EQ(done, 2);
  pool.submit([&]() -> Pool::Done { return [&] { loop.stop(); }; });
  loop.run();  // hangs if too many threads have gone
}

TEST(Pool, DestructionDropsWhatHasNotBegun) {
  Loop loop;
  bool delivered = false;
  {
    Pool pool(loop, 1);
    for (int i = 0; i < 100; ++i) pool.submit([&]() -> Pool::Done { return [&] { delivered = true; }; });
  }
  loop.poll();
  EXPECT_FALSE(delivered);
}

}  // namespace
}  // namespace mgmt
