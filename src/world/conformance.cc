// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "src/world/testing_world.h"

namespace mgmt::world {
namespace {

using namespace std::chrono_literals;
using namespace testing_world;

std::string cause_of(const CommitOutcome& outcome) {
  if (const auto* conflict = std::get_if<Conflict>(&outcome)) return "conflict: " + conflict->key;
  if (const auto* unavailable = std::get_if<Unavailable>(&outcome)) return "unavailable: " + unavailable->cause.text();
  if (const auto* unknown = std::get_if<Unknown>(&outcome)) return "unknown: " + unknown->cause.text();
  if (const auto* refused = std::get_if<Refused>(&outcome)) return "refused: " + refused->cause.text();
  return "done";
}

Revision must(const CommitOutcome& outcome) {
  if (const auto* revision = std::get_if<Revision>(&outcome)) return *revision;
  ADD_FAILURE() << cause_of(outcome);
  return {};
}

TEST_P(Conformance, ReadGivesWhatWasCommittedInTheOrderOfTheKeys) {
  Loop loop;
  auto world = backend_->open(loop);
  Revision first =
      must(commit(loop, *world, {.puts = {{"/v1/values/b/x", "1"}, {"/v1/values/a/x", std::string("\0\xff", 2)}}}));
  Revision second = must(commit(loop, *world, {.puts = {{"/v1/values/a/y", ""}}}));
  EXPECT_GT(second, first);
  Snapshot all = read_all(loop, *world, "/v1/values/");
  ASSERT_FALSE(all.error);
  EXPECT_EQ(all.order, (std::vector<std::string>{"/v1/values/a/x", "/v1/values/a/y", "/v1/values/b/x"}));
  EXPECT_EQ(all.values["/v1/values/a/x"], std::string("\0\xff", 2));
  EXPECT_EQ(all.values["/v1/values/a/y"], "");
  EXPECT_EQ(all.revisions["/v1/values/b/x"], first);
  EXPECT_EQ(all.revision, second);
}

TEST_P(Conformance, AHostIsNoPrefixOfALongerName) {
  Loop loop;
  auto world = backend_->open(loop);
  must(commit(loop, *world,
              {.puts = {{"/v1/values/web1/x", "1"}, {"/v1/values/web10/x", "10"}, {"/v1/values/web1-b/x", "b"}}}));
  EXPECT_EQ(read_all(loop, *world, "/v1/values/web1/").values,
            (std::map<std::string, std::string>{{"/v1/values/web1/x", "1"}}));
  EXPECT_TRUE(read_all(loop, *world, "/v1/values/web1").error) << "a prefix without its closing slash";
}

TEST_P(Conformance, AReadOfManyPagesShowsOneRevisionWhileOthersWrite) {
  Gate go;
  constexpr int kKeys = 60;
  Process writer([&] {
    Loop loop;
    auto world = backend_->open(loop);
    go.pass();
    // All keys always have the same value: a page of another moment would show.
    for (int round = 0;; ++round) {
      Commit change;
      for (int i = 0; i < kKeys; ++i)
        change.puts.push_back(
            {fmt::format("/v1/values/w/{:03}", i), std::to_string(round % 10) + std::string(15'000, 'x')});
      if (!std::holds_alternative<Revision>(commit(loop, *world, change))) return 1;
    }
  });
  Loop loop;
  auto world = backend_->open(loop);
  go.open();
  // Beside them enough for several pages.
  for (int i = 0; i < 3; ++i)
    must(commit(loop, *world, {.puts = {{fmt::format("/v1/values/w/030-{}", i), std::string(900'000, 'y')}}}));
  std::set<char> rounds;
  for (int i = 0; i < 2000 && (i < 10 || rounds.size() < 4); ++i) {
    Snapshot all = read_all(loop, *world, "/v1/values/");
    ASSERT_FALSE(all.error) << all.error->text();
    if (all.values.size() < kKeys) continue;
    EXPECT_GE(all.pages, 3U);
    std::set<char> values;
    for (const auto& [key, value] : all.values)
      if (value[0] != 'y') values.insert(value[0]);
    ASSERT_EQ(values.size(), 1U);
    rounds.insert(*values.begin());
  }
  EXPECT_GE(rounds.size(), 4U) << "the writer didn't write meanwhile: nothing was tested";
}

TEST_P(Conformance, AConditionThatDoesNotHoldIsAConflictAndNothingHappens) {
  Loop loop;
  auto world = backend_->open(loop);
  Revision first =
      must(commit(loop, *world, {.conditions = {{"/v1/values/a/lock", {}}}, .puts = {{"/v1/values/a/lock", "1"}}}));
  CommitOutcome again = commit(
      loop, *world,
      {.conditions = {{"/v1/values/a/lock", {}}}, .puts = {{"/v1/values/a/lock", "2"}, {"/v1/values/a/b", "2"}}});
  ASSERT_TRUE(std::holds_alternative<Conflict>(again));
  EXPECT_EQ(std::get<Conflict>(again).key, "/v1/values/a/lock");
  EXPECT_EQ(read_all(loop, *world, "/v1/values/").values,
            (std::map<std::string, std::string>{{"/v1/values/a/lock", "1"}}));

  Revision second =
      must(commit(loop, *world, {.conditions = {{"/v1/values/a/lock", first}}, .puts = {{"/v1/values/a/lock", "3"}}}));
  EXPECT_TRUE(std::holds_alternative<Conflict>(
      commit(loop, *world, {.conditions = {{"/v1/values/a/lock", first}}, .deletes = {"/v1/values/a/lock"}})));
  must(commit(loop, *world, {.conditions = {{"/v1/values/a/lock", second}}, .deletes = {"/v1/values/a/lock"}}));
  EXPECT_TRUE(read_all(loop, *world, "/v1/values/").values.empty());
  must(commit(loop, *world, {.conditions = {{"/v1/values/a/lock", {}}}, .puts = {{"/v1/values/a/lock", "4"}}}));
}

TEST_P(Conformance, CommitsThatAreMadeAtOnceHaveEachTheirOwnOutcome) {
  Loop loop;
  auto world = backend_->open(loop);
  std::vector<CommitOutcome> outcomes;
  for (int i = 0; i < 50; ++i)
    world->commit({.conditions = {{"/v1/values/a/one", {}}}, .puts = {{"/v1/values/a/one", std::to_string(i)}}},
                  [&](CommitOutcome outcome) { outcomes.push_back(std::move(outcome)); });
  ASSERT_TRUE(run_until(loop, [&] { return outcomes.size() == 50; }));
  EXPECT_TRUE(std::holds_alternative<Revision>(outcomes[0]));
  for (int i = 1; i < 50; ++i) EXPECT_TRUE(std::holds_alternative<Conflict>(outcomes[i])) << i;
  EXPECT_EQ(read_all(loop, *world, "/v1/values/").values["/v1/values/a/one"], "0");
}

TEST_P(Conformance, DeletingWhatIsNotThereMakesNoRevision) {
  Loop loop;
  auto world = backend_->open(loop);
  Revision first = must(commit(loop, *world, {.puts = {{"/v1/values/a/x", "1"}}}));
  EXPECT_EQ(must(commit(loop, *world, {.deletes = {"/v1/values/a/y"}})), first);
}

TEST_P(Conformance, WhatIsOverALimitIsRefusedAndWhatIsAtItIsNot) {
  Loop loop;
  auto world = backend_->open(loop);
  auto refused = [&](const Commit& what) { return std::holds_alternative<Refused>(commit(loop, *world, what)); };
  const std::string key = "/v1/values/a/x";
  must(commit(loop, *world, {.puts = {{key, std::string(kMaxCommitBytes - key.size(), 'x')}}}));
  EXPECT_TRUE(refused({.puts = {{key, std::string(kMaxCommitBytes - key.size() + 1, 'x')}}}));
  Commit many;
  for (std::size_t i = 0; i < kMaxCommitOperations; ++i) many.puts.push_back({fmt::format("/v1/values/a/{}", i), "v"});
  must(commit(loop, *world, many));
  many.deletes.emplace_back("/v1/values/a/one-more");
  EXPECT_TRUE(refused(many));
  EXPECT_TRUE(refused({.puts = {{key, "1"}}, .deletes = {key}}));
  EXPECT_TRUE(refused({.puts = {{"/v1/values/a/", "1"}}}));
  EXPECT_TRUE(refused({.puts = {{"values", "1"}}}));
  EXPECT_TRUE(refused({.puts = {{std::string("/v1/values/a/\0", 14), "1"}}}));
  EXPECT_TRUE(refused({.puts = {{"/v1/values/a/" + std::string(kMaxKeyBytes, 'k'), "1"}}}));
  EXPECT_EQ(read_all(loop, *world, "/v1/values/").values.size(), kMaxCommitOperations + 1);
}

TEST_P(Conformance, ARequestThatWasLostHappensOnceWhenRepeated) {
  Loop loop;
  auto world = backend_->open(loop);
  must(commit(loop, *world, {.puts = {{"/v1/values/a/before", "0"}}}));
  Commit change{
      .conditions = {{"/v1/values/a/x", {}}}, .puts = {{"/v1/values/a/x", "1"}}, .request_id = new_request_id()};
  backend_->lose_request(*world);
  EXPECT_TRUE(std::holds_alternative<Unknown>(commit(loop, *world, change)));
  EXPECT_FALSE(read_all(loop, *world, "/v1/values/").values.contains("/v1/values/a/x"));
  Revision done = must(commit(loop, *world, change));
  EXPECT_EQ(read_all(loop, *world, "/v1/values/").revisions["/v1/values/a/x"], done);
}

TEST_P(Conformance, AReplyThatWasLostIsGivenAgainWithoutASecondEffect) {
  Loop loop;
  auto world = backend_->open(loop);
  must(commit(loop, *world, {.puts = {{"/v1/values/a/before", "0"}}}));
  // With the condition a second try would be a Conflict, were it not for the request id.
  Commit change{
      .conditions = {{"/v1/values/a/x", {}}}, .puts = {{"/v1/values/a/x", "1"}}, .request_id = new_request_id()};
  backend_->lose_reply(*world);
  EXPECT_TRUE(std::holds_alternative<Unknown>(commit(loop, *world, change)));
  must(commit(loop, *world, {.puts = {{"/v1/values/a/between", "0"}}}));
  Revision told = must(commit(loop, *world, change));
  Snapshot all = read_all(loop, *world, "/v1/values/");
  EXPECT_EQ(all.revisions["/v1/values/a/x"], told);
  EXPECT_LT(told, all.revisions["/v1/values/a/between"]);
}

TEST_P(Conformance, AWatchTellsWhatComesAfterItsRevisionBelowItsPrefix) {
  Loop loop;
  auto world = backend_->open(loop);
  Revision first = must(commit(loop, *world, {.puts = {{"/v1/values/a/old", "0"}, {"/v1/values/a/gone", "0"}}}));
  must(commit(loop, *world, {.puts = {{"/v1/values/a/x", "1"}}}));
  auto seen = follow(*world, "/v1/values/a/", first);
  ASSERT_TRUE(run_until(loop, [&] { return seen->values.contains("/v1/values/a/x"); }));
  must(commit(loop, *world, {.puts = {{"/v1/values/ab/x", "no"}, {"/v1/exports/a/x", "no"}}}));
  must(commit(loop, *world, {.puts = {{"/v1/values/a/y", "2"}}, .deletes = {"/v1/values/a/gone"}}));
  ASSERT_TRUE(run_until(loop, [&] { return seen->changes.size() == 3; }));
  EXPECT_EQ(seen->values, (std::map<std::string, std::string>{{"/v1/values/a/x", "1"}, {"/v1/values/a/y", "2"}}));
  EXPECT_EQ(std::ranges::count(seen->changes, std::string("/v1/values/a/gone"), &Change::key), 1);
  EXPECT_FALSE(seen->disorder);
}

TEST_P(Conformance, AWatchThatIsDestroyedIsNotCalledAndMayBeDestroyedFromItsCall) {
  Loop loop;
  auto world = backend_->open(loop);
  Revision first = must(commit(loop, *world, {.puts = {{"/v1/values/a/x", "1"}}}));
  int calls = 0;
  std::unique_ptr<Watch> once = world->watch("/v1/values/", first, [&](const WatchEvent&) {
    ++calls;
    once.reset();
  });
  int never = 0;
  auto dropped = world->watch("/v1/values/", first, [&](const WatchEvent&) { ++never; });
  auto other = follow(*world, "/v1/values/", first);
  dropped.reset();
  for (int i = 0; i < 5; ++i) must(commit(loop, *world, {.puts = {{"/v1/values/a/x", std::to_string(i)}}}));
  ASSERT_TRUE(run_until(loop, [&] { return other->values["/v1/values/a/x"] == "4"; }));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(never, 0);
}

TEST_P(Conformance, WhatOthersCommitIsToldInOrderAndNothingIsLost) {
  constexpr int kWriters = 4, kCommits = 500;
  Gate go, ready;
  std::vector<std::unique_ptr<Process>> writers;
  for (int w = 0; w < kWriters; ++w)
    writers.push_back(std::make_unique<Process>([&, w] {
      Loop loop;
      auto world = backend_->open(loop);
      Snapshot start = read_all(loop, *world, "/v1/values/");
      if (start.error) return 3;
      ready.open();
      go.pass();
      Revision last;
      for (int i = 1; i <= kCommits; ++i) {
        // One key that is written again and again, and one of each commit's own.
        CommitOutcome outcome = commit(loop, *world,
                                       {.puts = {{fmt::format("/v1/values/w{}/latest", w), std::to_string(i)},
                                                 {fmt::format("/v1/values/w{}/{}", w, i), "v"}}});
        const auto* revision = std::get_if<Revision>(&outcome);
        if (!revision || *revision <= last) return 1;
        last = *revision;
      }
      return 0;
    }));
  for (int w = 0; w < kWriters; ++w) ASSERT_TRUE(ready.pass());
  Loop loop;
  auto world = backend_->open(loop);
  Snapshot start = read_all(loop, *world, "/v1/values/");
  auto seen = follow(*world, "/v1/values/", start.revision);
  go.open(kWriters);
  auto all_there = [&] {
    for (int w = 0; w < kWriters; ++w)
      if (seen->values[fmt::format("/v1/values/w{}/latest", w)] != std::to_string(kCommits)) return false;
    return true;
  };
  EXPECT_TRUE(run_until(loop, all_there));
  for (auto& writer : writers) EXPECT_EQ(writer->wait(), 0);
  EXPECT_FALSE(seen->disorder);
  EXPECT_EQ(seen->values.size(), static_cast<std::size_t>(kWriters * (kCommits + 1)));
  EXPECT_EQ(read_all(loop, *world, "/v1/values/").values, seen->values);
}

TEST_P(Conformance, AWatchFromBeforeACompactionMustReadAgain) {
  Loop loop;
  auto world = backend_->open(loop);
  Revision first = must(commit(loop, *world, {.puts = {{"/v1/values/a/x", "1"}, {"/v1/values/a/y", "1"}}}));
  auto live = follow(*world, "/v1/values/", first);
  Revision second = must(commit(loop, *world, {.deletes = {"/v1/values/a/x"}}));
  ASSERT_TRUE(run_until(loop, [&] { return live->revision == second; }));
  bool done = false;
  backend_->compact(*world, [&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));

  auto late = follow(*world, "/v1/values/", first);
  ASSERT_TRUE(run_until(loop, [&] { return late->compacted; }));
  EXPECT_TRUE(late->changes.empty());
  Snapshot again = read_all(loop, *world, "/v1/values/");
  auto from_there = follow(*world, "/v1/values/", again.revision);
  must(commit(loop, *world, {.puts = {{"/v1/values/a/z", "1"}}}));
  ASSERT_TRUE(run_until(
      loop, [&] { return from_there->values.contains("/v1/values/a/z") && live->values.contains("/v1/values/a/z"); }));
  EXPECT_FALSE(live->compacted) << "a watch that has seen all loses nothing";
  EXPECT_FALSE(from_there->compacted);
}

TEST_P(Conformance, ARestoredStoreIsANewEpochAndALowerOneIsRefused) {
  Revision before;
  {
    Loop loop;
    auto world = backend_->open(loop);
    before = must(commit(loop, *world, {.puts = {{"/v1/values/a/x", "1"}}}));
  }
  backend_->restore();
  Loop loop;
  auto world = backend_->open(loop);
  Snapshot all = read_all(loop, *world, "/v1/values/");
  EXPECT_GT(all.revision.epoch, before.epoch);
  EXPECT_EQ(all.values["/v1/values/a/x"], "1");
  auto old = follow(*world, "/v1/values/", before);
  ASSERT_TRUE(run_until(loop, [&] { return old->compacted; }));
  EXPECT_TRUE(std::holds_alternative<Conflict>(
      commit(loop, *world, {.conditions = {{"/v1/values/a/x", before}}, .puts = {{"/v1/values/a/x", "2"}}})));
  auto from_the_future = follow(*world, "/v1/values/", {all.revision.epoch + 1, 0});
  ASSERT_TRUE(run_until(loop, [&] { return from_the_future->error.has_value(); }));
}

TEST_P(Conformance, ANameIsHeldByOneUntilItsProcessEndsInWhateverWay) {
  Gate held;
  Process holder([&] {
    Loop loop;
    auto world = backend_->open(loop);
    std::unique_ptr<Presence> mine;
    world->claim("web/1", [&](Result<Claim> claim) {
      mine = std::get<std::unique_ptr<Presence>>(std::move(*claim));
      held.open();
    });
    loop.run();
    return 0;
  });
  ASSERT_TRUE(held.pass());
  Loop loop;
  auto world = backend_->open(loop);
  std::vector<std::vector<std::string>> told;
  auto watch = world->watch_presence([&](const std::vector<std::string>& names) { told.push_back(names); });
  ASSERT_TRUE(run_until(loop, [&] { return !told.empty(); }));
  EXPECT_EQ(told.back(), std::vector<std::string>{"web/1"});

  std::optional<Holder> other;
  world->claim("web/1", [&](Result<Claim> claim) { other = std::get<Holder>(std::move(*claim)); });
  ASSERT_TRUE(run_until(loop, [&] { return other.has_value(); }));
  EXPECT_EQ(other->pid, holder.pid());
  EXPECT_FALSE(other->command.empty());
  EXPECT_LT(std::chrono::system_clock::now() - other->since, 60s);

  holder.kill_and_wait();
  ASSERT_TRUE(run_until(loop, [&] { return told.back().empty(); }));
  std::unique_ptr<Presence> mine;
  world->claim("web/1", [&](Result<Claim> claim) { mine = std::get<std::unique_ptr<Presence>>(std::move(*claim)); });
  ASSERT_TRUE(run_until(loop, [&] { return mine && !told.back().empty(); }));
  mine.reset();
  ASSERT_TRUE(run_until(loop, [&] { return told.back().empty(); }));
}

TEST_P(Conformance, ProcessesThatBeginAStoreAtOnceAllGetIt) {
  constexpr int kProcesses = 8;
  Gate go;
  std::vector<std::unique_ptr<Process>> processes;
  for (int p = 0; p < kProcesses; ++p)
    processes.push_back(std::make_unique<Process>([&, p] {
      go.pass();
      Loop loop;
      auto world = backend_->open(loop);
      CommitOutcome outcome = commit(loop, *world, {.puts = {{fmt::format("/v1/values/{}/x", p), "1"}}});
      if (!std::holds_alternative<Revision>(outcome)) std::fputs((cause_of(outcome) + "\n").c_str(), stderr);
      return std::holds_alternative<Revision>(outcome) ? 0 : 1;
    }));
  go.open(kProcesses);
  for (auto& process : processes) EXPECT_EQ(process->wait(), 0);
  Loop loop;
  auto world = backend_->open(loop);
  EXPECT_EQ(read_all(loop, *world, "/v1/values/").values.size(), static_cast<std::size_t>(kProcesses));
}

TEST_P(Conformance, WritersThatAreKilledAtAnyMomentLeaveASoundStore) {
  constexpr int kRounds = 15;
  std::minstd_rand random(7);  // the same moments each time, as far as the machine lets
  for (int round = 0; round < kRounds; ++round) {
    Gate ready;
    auto writer = [&, round](int w) {
      Loop loop;
      auto world = backend_->open(loop);
      for (int i = 0;; ++i) {
        // Both or neither.
        std::string value = fmt::format("{}-{}-", round, i) + std::string(3000, 'v');
        CommitOutcome outcome = commit(
            loop, *world,
            {.puts = {{fmt::format("/v1/values/w{}/a", w), value}, {fmt::format("/v1/values/w{}/b", w), value}}});
        if (!std::holds_alternative<Revision>(outcome)) {
          std::fputs((cause_of(outcome) + "\n").c_str(), stderr);
          return 1;
        }
        if (i == 0) ready.open();
      }
    };
    Process one([&] { return writer(1); }), two([&] { return writer(2); });
    EXPECT_TRUE(ready.pass() && ready.pass());
    // No event to wait for: the moment is to be any.
    ::usleep(static_cast<useconds_t>(random() % 8000));
    EXPECT_EQ(one.kill_and_wait(), 128 + SIGKILL);
    EXPECT_EQ(two.kill_and_wait(), 128 + SIGKILL);
    Loop loop;
    auto world = backend_->open(loop);
    Snapshot all = read_all(loop, *world, "/v1/values/");
    ASSERT_FALSE(all.error) << all.error->text();
    for (std::string w : {"/v1/values/w1/", "/v1/values/w2/"}) {
      ASSERT_TRUE(all.values.contains(w + "a"));
      ASSERT_EQ(all.values[w + "a"], all.values[w + "b"]);
      ASSERT_EQ(all.revisions[w + "a"], all.revisions[w + "b"]);
      ASSERT_EQ(all.values[w + "a"].substr(0, all.values[w + "a"].find('-')), std::to_string(round));
    }
  }
  EXPECT_EQ(backend_->damage(), "");
}

}  // namespace
}  // namespace mgmt::world
