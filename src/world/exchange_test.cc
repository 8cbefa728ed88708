// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/exchange.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "src/world/local/local_world.h"
#include "src/world/testing_world.h"

namespace mgmt::world {
namespace {

using namespace testing_world;
using local::Fault;
using local::LocalWorld;

class Exchange : public testing::Test {
 protected:
  LocalWorld::Options options() { return {.prefix = folder_.path()}; }
  Warn warn() {
    return [this](std::string text) { warnings_.push_back(std::move(text)); };
  }
  bool settle(const Exporter& exporter) {
    return run_until(loop_, [&] { return exporter.idle(); });
  }
  Revision revision() { return read_all(loop_, world_, "/v1/").revision; }

  TempFolder folder_;
  Loop loop_;
  LocalWorld world_{loop_, options()};
  std::vector<std::string> warnings_;
};

/// What a Collector has said.
struct Heard {
  std::vector<Collected> calls;
  std::map<ExportId, std::string> all;
  Collector::Call call() {
    return [this](const Collected& news) {
      calls.push_back(news);
      for (const ExportId& id : news.removed) all.erase(id);
      for (const Exported& put : news.put) all[put.id] = put.bytes;
    };
  }
};

TEST_F(Exchange, WhatIsPublishedIsCollectedAndWithdrawnAgain) {
  Exporter exporter(loop_, world_, "a", warn());
  Heard heard;
  Collector collector(loop_, world_, "b", {"file"}, heard.call(), warn());
  ASSERT_TRUE(run_until(loop_, [&] { return !heard.calls.empty(); }));
  EXPECT_TRUE(heard.calls[0].initial);
  EXPECT_TRUE(heard.all.empty());

  bool stored = false;
  exporter.publish({"file", "/etc/motd"}, "hello", [&](Result<bool> done) { stored = done.value(); });
  EXPECT_FALSE(stored) << "never from within the call";
  exporter.publish({"exec", "x"}, "another kind");
  exporter.publish({"file", "for c", "c"}, "not for b");
  exporter.publish({"file", "for b", "b"}, "for b");
  ASSERT_TRUE(run_until(loop_, [&] { return stored && heard.all.size() == 2; }));
  EXPECT_EQ(heard.all, (std::map<ExportId, std::string>{{{"a", "*", "file", "/etc/motd"}, "hello"},
                                                        {{"a", "b", "file", "for b"}, "for b"}}));
  EXPECT_EQ(heard.calls.size(), 2U) << "one commit is one call";
  std::optional<bool> again;
  exporter.publish({"file", "/etc/motd"}, "hello", [&](Result<bool> done) { again = done.value(); });
  ASSERT_TRUE(run_until(loop_, [&] { return again.has_value(); }));
  EXPECT_EQ(again, false) << "it was there already";
  EXPECT_EQ(collector.entries(), heard.all);

  exporter.retain({{"file", "/etc/motd"}});
  ASSERT_TRUE(run_until(loop_, [&] { return heard.all.size() == 1; }));
  ASSERT_TRUE(settle(exporter));
  EXPECT_EQ(read_all(loop_, world_, "/v1/exports/a/").values.size(), 1U);
}

TEST_F(Exchange, PublishingTheSameAgainCommitsNothing) {
  auto exporter = std::make_unique<Exporter>(loop_, world_, "a", warn());
  exporter->publish({"file", "x"}, "1");
  ASSERT_TRUE(settle(*exporter));
  Revision before = revision();
  // Neither by the same process nor by the next.
  exporter->publish({"file", "x"}, "1");
  ASSERT_TRUE(settle(*exporter));
  exporter = std::make_unique<Exporter>(loop_, world_, "a", warn());
  bool stored = false;
  exporter->publish({"file", "x"}, "1", [&](Result<bool> done) { stored = done.has_value(); });
  ASSERT_TRUE(run_until(loop_, [&] { return stored; }));
  EXPECT_EQ(revision(), before);
}

TEST_F(Exchange, ANewProcessWithdrawsWhatTheOneBeforeItLeftAndKeepsWhatItIsAboutToPublish) {
  {
    Exporter before(loop_, world_, "a", warn());
    before.publish({"file", "old"}, "1");
    before.publish({"file", "both"}, "1");
    Exporter other(loop_, world_, "ab", warn());
    other.publish({"file", "old"}, "another host's");
    ASSERT_TRUE(settle(before) && settle(other));
  }
  Exporter exporter(loop_, world_, "a", warn());
  bool retained = false;
  exporter.retain({{"file", "both"}}, [&](Result<bool> done) { retained = done.has_value(); });
  ASSERT_TRUE(run_until(loop_, [&] { return retained; }));
  EXPECT_EQ(read_all(loop_, world_, "/v1/exports/").values,
            (std::map<std::string, std::string>{{"/v1/exports/a/*/file/both", "1"},
                                                {"/v1/exports/ab/*/file/old", "another host's"}}));
}

TEST_F(Exchange, MoreThanACommitHoldsGoesInSeveral) {
  Exporter exporter(loop_, world_, "a", warn());
  int stored = 0;
  for (int i = 0; i < 300; ++i)
    exporter.publish({"file", std::to_string(i)}, std::string(10'000, 'x'),
                     [&](Result<bool> done) { stored += done.has_value(); });
  ASSERT_TRUE(run_until(loop_, [&] { return stored == 300; }));
  EXPECT_EQ(read_all(loop_, world_, "/v1/exports/a/").values.size(), 300U);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Exchange, WhatIsTooLargeFailsAloneAndSaysSo) {
  Exporter exporter(loop_, world_, "a", warn());
  std::optional<Error> failure;
  bool stored = false;
  exporter.publish({"file", "big"}, std::string(kMaxCommitBytes, 'x'),
                   [&](Result<bool> done) { failure = done.error(); });
  exporter.publish({"file", "small"}, "x", [&](Result<bool> done) { stored = done.has_value(); });
  ASSERT_TRUE(run_until(loop_, [&] { return failure && stored; }));
  EXPECT_EQ(failure->text(), "exporting file[big]: a commit of 1048600 bytes: at most 1048576");
}

TEST_F(Exchange, ALostRequestAndALostReplyEachStoreItOnce) {
  for (Fault fault : {Fault::RequestLost, Fault::ReplyLost}) {
    Exporter exporter(loop_, world_, "a", warn());
    exporter.publish({"file", "x"}, "before");
    ASSERT_TRUE(settle(exporter));
    Revision before = revision();
    world_.inject(fault);
    bool stored = false;
    exporter.publish({"file", "x"}, "after", [&](Result<bool> done) { stored = done.has_value(); });
    ASSERT_TRUE(run_until(loop_, [&] { return stored; }));
    EXPECT_EQ(revision().n, before.n + 1);
  }
  EXPECT_EQ(warnings_.size(), 2U) << "one warning an outage";
}

TEST_F(Exchange, AStoreThatLostAllGetsItAgainAndCollectorsKeepOrLoseWhatItHas) {
  Exporter exporter(loop_, world_, "a", warn());
  exporter.publish({"file", "x"}, "1");
  ASSERT_TRUE(settle(exporter));
  ASSERT_TRUE(std::holds_alternative<Revision>(commit(loop_, world_, {.puts = {{"/v1/exports/gone/*/file/y", "2"}}})));
  Heard heard;
  Collector collector(loop_, world_, "b", {"file"}, heard.call(), warn());
  ASSERT_TRUE(run_until(loop_, [&] { return heard.all.size() == 2; }));
  for (const char* part : {"world.db", "world.db-wal", "world.db-shm"})
    std::filesystem::remove(folder_.path() + "/db/" + part);
  // Another agent's commit makes everybody look.
  LocalWorld other(loop_, options());
  ASSERT_TRUE(std::holds_alternative<Revision>(commit(loop_, other, {.puts = {{"/v1/values/c/x", "1"}}})));
  ASSERT_TRUE(run_until(
      loop_, [&] { return heard.all.size() == 1 && read_all(loop_, world_, "/v1/exports/").values.size() == 1; }));
  EXPECT_EQ(heard.all.begin()->second, "1");
}

TEST_F(Exchange, ACollectorThatMissedDeletionsFindsThemByReadingAgain) {
  commit(loop_, world_, {.puts = {{"/v1/exports/a/*/file/x", "1"}, {"/v1/exports/a/*/file/y", "1"}}});
  Heard heard;
  Collector collector(loop_, world_, "b", {"file"}, heard.call(), warn());
  ASSERT_TRUE(run_until(loop_, [&] { return heard.all.size() == 2; }));
  // Both go to the store thread at once: the deletion is forgotten by the time the watch looks.
  world_.commit({.deletes = {"/v1/exports/a/*/file/x"}}, {});
  bool compacted = false;
  world_.compact([&] { compacted = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return compacted && heard.all.size() == 1; }));
  EXPECT_TRUE(heard.all.contains({"a", "*", "file", "y"}));
}

TEST_F(Exchange, OnlyARealChangeOfWhatIsCollectedIsTold) {
  commit(loop_, world_, {.puts = {{"/v1/exports/a/*/file/x", "1"}}});
  Heard heard;
  Collector collector(loop_, world_, "b", {"file"}, heard.call(), warn());
  ASSERT_TRUE(run_until(loop_, [&] { return heard.calls.size() == 1; }));
  commit(loop_, world_, {.puts = {{"/v1/exports/a/*/file/x", "1"}}});    // the same bytes
  commit(loop_, world_, {.puts = {{"/v1/exports/a/*/exec/x", "1"}}});    // another kind
  commit(loop_, world_, {.puts = {{"/v1/exports/a/*/file/x/y", "1"}}});  // no export's key
  commit(loop_, world_, {.deletes = {"/v1/exports/a/*/file/none"}});     // wasn't there
  commit(loop_, world_, {.puts = {{"/v1/exports/a/*/file/x", "2"}}});
  ASSERT_TRUE(run_until(loop_, [&] { return heard.all.begin()->second == "2"; }));
  EXPECT_EQ(heard.calls.size(), 2U);
  collector.set_kinds({"file", "exec"});
  ASSERT_TRUE(run_until(loop_, [&] { return heard.calls.size() == 3; }));
  EXPECT_EQ(heard.calls[2].put.size(), 1U) << "only the difference";
  collector.set_kinds({});
  ASSERT_TRUE(run_until(loop_, [&] { return heard.all.empty(); }));
}

TEST_F(Exchange, TheyMayBeDestroyedFromTheirOwnCalls) {
  auto exporter = std::make_unique<Exporter>(loop_, world_, "a", warn());
  std::unique_ptr<Collector> collector;
  collector = std::make_unique<Collector>(
      loop_, world_, "b", std::set<std::string>{"file"}, [&](const Collected&) { collector.reset(); }, warn());
  exporter->publish({"file", "x"}, "1", [&](Result<bool>) { exporter.reset(); });
  EXPECT_TRUE(run_until(loop_, [&] { return !exporter && !collector; }));
}

TEST_F(Exchange, AllAgentsEndWithTheLastContentAndNeverShowAnOlderOneAfterANewerOne) {
  constexpr int kAgents = 4, kFiles = 25, kChanges = 300;  // the full number is a system test's
  struct Agent {
    LocalWorld world;
    Heard heard;
    Exporter exporter;
    Collector collector;
    int last = -1;
    bool went_back = false;
    Agent(Loop& loop, LocalWorld::Options options, const std::string& name, const Warn& warn)
        : world(loop, std::move(options)),
          exporter(loop, world, name, warn),
          collector(loop, world, name, {"file"}, [this](const Collected& news) { on(news); }, warn) {}
    void on(const Collected& news) {
      heard.call()(news);
      for (const Exported& put : news.put) {
        if (put.id.writer != "0" || put.id.name != "0") continue;
        int value = std::stoi(put.bytes);
        went_back |= value <= last;
        last = value;
      }
    }
  };
  std::vector<std::unique_ptr<Agent>> agents;
  for (int a = 0; a < kAgents; ++a)
    agents.push_back(std::make_unique<Agent>(loop_, options(), std::to_string(a), warn()));
  for (auto& agent : agents)
    for (int i = 0; i < kFiles; ++i) agent->exporter.publish({"file", std::to_string(i)}, "0");
  int change = 0;
  std::function<void(Result<bool>)> next = [&](const Result<bool>&) {
    if (++change <= kChanges) agents[0]->exporter.publish({"file", "0"}, std::to_string(change), next);
  };
  next({});
  EXPECT_TRUE(run_until(loop_, [&] {
    return std::ranges::all_of(agents, [](const auto& agent) {
      return agent->last == kChanges && agent->heard.all.size() == kAgents * kFiles;
    });
  }));
  for (auto& agent : agents) EXPECT_FALSE(agent->went_back);
  EXPECT_TRUE(warnings_.empty());
}

}  // namespace
}  // namespace mgmt::world
