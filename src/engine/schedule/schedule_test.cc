// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace mgmt {
namespace {

using State = Schedule::State;
constexpr auto kFine = Schedule::Result::Fine;
constexpr auto kFailed = Schedule::Result::Failed;

struct Fixture {
  Topology topology;
  Schedule schedule;
  Fixture(std::size_t size, std::vector<Topology::Edge> edges, std::vector<std::vector<std::string>> semaphores = {})
      : topology(size, std::move(edges)), schedule(topology, std::vector(size, State::Dirty), std::move(semaphores)) {}
  std::set<VertexId> take() {
    std::set<VertexId> taken;
    while (auto v = schedule.next()) taken.insert(*v);
    return taken;
  }
  void settle_all() {
    while (auto v = schedule.next()) schedule.done(*v, kFine);
  }
};

using Ids = std::set<VertexId>;

TEST(Schedule, EverythingWhosePredecessorsAreDoneIsHandedOutAtOnce) {
  Fixture f(5, {{0, 2}, {1, 2}, {2, 3}});
  EXPECT_EQ(f.take(), (Ids{0, 1, 4}));
  f.schedule.done(0, kFine);
  EXPECT_EQ(f.take(), Ids{});
  f.schedule.done(1, kFine);
  EXPECT_EQ(f.take(), Ids{2});  // 4 still runs: no wave
  f.schedule.done(2, kFine);
  EXPECT_EQ(f.take(), Ids{3});
}

TEST(Schedule, AFailedParentBlocksOnlyItsChildren) {
  Fixture f(4, {{0, 1}, {1, 2}});
  f.take();
  f.schedule.done(0, kFailed);
  f.schedule.done(3, kFine);
  EXPECT_EQ(f.take(), Ids{});
  EXPECT_TRUE(f.schedule.quiet());
  EXPECT_TRUE(f.schedule.blocked(1));
  EXPECT_TRUE(f.schedule.blocked(2));
  f.schedule.dirty(0);
  EXPECT_FALSE(f.schedule.quiet());
  EXPECT_EQ(f.take(), Ids{0});
  f.schedule.done(0, kFine);
  EXPECT_EQ(f.take(), Ids{1});
}

TEST(Schedule, OnlyWhatIsDirtyRunsAgain) {
  Fixture f(3, {{0, 1}, {1, 2}});
  f.settle_all();
  f.schedule.dirty(1);
  EXPECT_EQ(f.take(), Ids{1});
  f.schedule.done(1, kFine);
  EXPECT_EQ(f.take(), Ids{});
  EXPECT_TRUE(f.schedule.quiet());
}

TEST(Schedule, AGrandparentThatIsDirtyHoldsItsGrandchildToo) {
  Fixture f(3, {{0, 1}, {1, 2}});
  f.settle_all();
  f.schedule.dirty(2);
  f.schedule.dirty(0);
  EXPECT_EQ(f.take(), Ids{0});
  f.schedule.done(0, kFine);
  EXPECT_EQ(f.take(), Ids{2});  // 1 is clean: nothing to do between them
}

TEST(Schedule, AnEventWhileRunningMeansOnceMore) {
  Fixture f(1, {});
  f.take();
  f.schedule.dirty(0);
  f.schedule.dirty(0);
  EXPECT_EQ(f.take(), Ids{});
  f.schedule.done(0, kFine);
  EXPECT_EQ(f.take(), Ids{0});
  f.schedule.done(0, kFine);
  EXPECT_EQ(f.take(), Ids{});
}

TEST(Schedule, ASemaphoreLimitsAndHandsOnInOrder) {
  Fixture f(4, {}, {{"disk:2"}, {"disk:2"}, {"disk:2"}, {"disk:2"}});
  EXPECT_EQ(f.take(), (Ids{0, 1}));
  EXPECT_FALSE(f.schedule.quiet());
  f.schedule.done(1, kFine);
  EXPECT_EQ(f.take(), Ids{2});
  f.schedule.done(0, kFailed);
  EXPECT_EQ(f.take(), Ids{3});
}

TEST(Schedule, WhoNeedsTwoSemaphoresTakesNoneUntilBothAreFree) {
  Fixture f(3, {}, {{"a"}, {"a", "b"}, {"b"}});
  EXPECT_EQ(f.take(), (Ids{0, 2}));
  f.schedule.done(0, kFine);
  EXPECT_EQ(f.take(), Ids{});
  f.schedule.done(2, kFine);
  EXPECT_EQ(f.take(), Ids{1});
}

TEST(Schedule, HeldIsNotHandedOutButOthersAre) {
  Fixture f(2, {});
  f.schedule.hold(0);
  EXPECT_EQ(f.take(), Ids{1});
  f.schedule.unhold(0);
  EXPECT_EQ(f.take(), Ids{0});
}

TEST(Schedule, ASwapKeepsStatesAndTheSemaphoresOfWhatRuns) {
  Topology topology(3, {{0, 1}});
  Schedule schedule(topology, {State::Running, State::Dirty, State::Dirty}, {{"a"}, {}, {"a"}});
  EXPECT_EQ(schedule.next(), std::nullopt);
  schedule.done(0, kFine);
  EXPECT_TRUE(schedule.next());
  EXPECT_TRUE(schedule.next());
}

TEST(Schedule, ASmallerSemaphoreWaitsForEnoughOfWhatRunsOn) {
  Topology topology(3, {});
  Schedule schedule(topology, {State::Running, State::Running, State::Dirty}, {{"a"}, {"a"}, {"a"}});
  schedule.done(0, kFine);
  EXPECT_EQ(schedule.next(), std::nullopt);
  schedule.done(1, kFine);
  EXPECT_TRUE(schedule.next());
}

TEST(Schedule, WhatAGraphBeforeLeftRunningHoldsItsSemaphores) {
  Topology topology(1, {});
  Schedule schedule(topology, {State::Dirty}, {{"a"}});
  schedule.hold_semaphores({"a", "unknown here"});
  EXPECT_EQ(schedule.next(), std::nullopt);
  schedule.release_semaphores({"a", "unknown here"});
  EXPECT_TRUE(schedule.next());
}

TEST(Schedule, SemaphoreSizes) {
  EXPECT_EQ(semaphore_size("disk"), 1u);
  EXPECT_EQ(semaphore_size("disk:3"), 3u);
  EXPECT_EQ(semaphore_size(":13"), 13u);
  EXPECT_EQ(semaphore_size("disk:0"), 1u);
  EXPECT_EQ(semaphore_size("disk:x"), 1u);
}

// Random graphs, events and failures: what must hold after each step.
TEST(Schedule, InvariantsUnderRandomEvents) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto below = [&](std::size_t n) { return static_cast<std::uint32_t>(random() % n); };
    std::size_t size = 1 + below(20);
    std::vector<Topology::Edge> edges;
    for (std::size_t i = below(40); i > 0 && size > 1; --i) {
      VertexId a = below(size), b = below(size);
      if (a != b) edges.push_back({std::min(a, b), std::max(a, b)});
    }
    std::vector<std::vector<std::string>> semaphores(size);
    for (auto& names : semaphores)
      if (below(3) == 0) names = below(2) ? std::vector<std::string>{"x:2"} : std::vector<std::string>{"x:2", "y"};
    Fixture f(size, edges, semaphores);
    Ids running, owed;
    for (VertexId v = 0; v < size; ++v) owed.insert(v);
    auto before_is_settled = [&](VertexId v) {
      std::vector<VertexId> all{v};
      for (std::size_t i = 0; i < all.size(); ++i)
        for (VertexId p : f.topology.predecessors(all[i])) {
          if (f.schedule.state(p) != State::Clean) return false;
          all.push_back(p);
        }
      return true;
    };
    for (int step = 0; step < 300; ++step) {
      switch (below(4)) {
        case 0: {
          VertexId v = below(size);
          f.schedule.dirty(v);
          owed.insert(v);
          break;
        }
        case 1:
          if (auto v = f.schedule.next()) {
            ASSERT_TRUE(running.insert(*v).second) << "handed out twice";
            ASSERT_TRUE(before_is_settled(*v));
            owed.erase(*v);
            for (const char* name : {"x:2", "y"}) {
              auto holders = std::ranges::count_if(
                  running, [&](VertexId r) { return std::ranges::count(semaphores[r], name) > 0; });
              ASSERT_LE(holders, static_cast<long>(semaphore_size(name)));
            }
          }
          break;
        default:
          if (!running.empty()) {
            VertexId v = *std::next(running.begin(), below(running.size()));
            running.erase(v);
            f.schedule.done(v, below(5) == 0 ? kFailed : kFine);
          }
      }
      ASSERT_EQ(f.schedule.running(), running.size());
    }
    // In the end everything that is owed and not behind a failure has run.
    while (true) {
      for (VertexId v : running) f.schedule.done(v, kFine);
      running.clear();
      auto v = f.schedule.next();
      if (!v) break;
      running.insert(*v);
      owed.erase(*v);
    }
    EXPECT_TRUE(f.schedule.quiet());
    for (VertexId v : owed) EXPECT_TRUE(f.schedule.blocked(v)) << v;
  }
}

}  // namespace
}  // namespace mgmt
