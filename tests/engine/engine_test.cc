// SPDX-License-Identifier: GPL-3.0-or-later
// The engine with real files, commands and inotify.
#include "src/engine/run/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "src/base/fd.h"
#include "src/frontends/yaml/yaml.h"

namespace mgmt {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Collect : report::Reader {
  explicit Collect(std::vector<report::Event>& into, std::function<void(const report::Event&)>& hook)
      : events(into), on(hook) {}
  void on_event(const report::Event& event) override {
    events.push_back(event);
    if (on) on(event);
  }
  std::vector<report::Event>& events;
  std::function<void(const report::Event&)>& on;
};

struct EngineTest : testing::Test {
  fs::path top;
  Loop loop;
  report::Report report;
  std::vector<report::Event> events;
  std::function<void(const report::Event&)> hook;
  std::unique_ptr<Engine> engine;
  std::optional<bool> settled;

  void SetUp() override {
    char name[] = "/tmp/mgmt-engine-XXXXXX";
    top = mkdtemp(name);
    report.add(std::make_unique<Collect>(events, hook));
  }
  void TearDown() override {
    if (engine) {
      bool stopped = false;
      engine->stop(900ms, [&](bool) {
        stopped = true;
        loop.stop();
      });
      if (!stopped) loop.run();
      engine.reset();
    }
    fs::remove_all(top);
  }
  void make(Engine::Options options = {}) {
    engine = std::make_unique<Engine>(loop, report, options);
    engine->on_settled = [this](bool fine) {
      settled = fine;
      loop.stop();
    };
  }
  // "$" stands for the test's folder.
  std::shared_ptr<const ResourceGraph> graph(std::string text) {
    for (std::size_t at; (at = text.find('$')) != std::string::npos;) text.replace(at, 1, top.string());
    yaml::Loaded loaded = yaml::load("graph: test\n" + text, "test.yaml");
    EXPECT_TRUE(loaded.graph) << loaded.rendered;
    return loaded.graph;
  }
  void load(const std::string& text) {
    settled.reset();
    engine->load(graph(text));
  }
  bool settle() {
    Loop::Timer giving_up(loop);
    giving_up.after(20s, [&] { loop.stop(); });
    if (!settled) loop.run();
    EXPECT_TRUE(settled.has_value()) << "did not settle";
    return settled.value_or(false);
  }
  // Until an event for which `want` is true.
  void run_until(std::function<bool(const report::Event&)> want) {
    bool seen = false;
    hook = [&](const report::Event& event) {
      if (want(event)) {
        seen = true;
        loop.stop();
      }
    };
    Loop::Timer giving_up(loop);
    giving_up.after(20s, [&] { loop.stop(); });
    while (!seen && giving_up.pending()) loop.run();
    hook = nullptr;
    EXPECT_TRUE(seen) << "did not happen";
  }
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& event : events)
      if (const T* body = std::get_if<T>(&event.body)) found.push_back(*body);
    return found;
  }
  std::size_t starts(const std::string& resource) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(all<report::Started>(), [&](const auto& s) { return s.resource == resource; }));
  }
  std::size_t position(const std::string& resource, bool end) const {
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (!end) {
        if (const auto* s = std::get_if<report::Started>(&events[i].body); s && s->resource == resource) return i;
        continue;
      }
      if (const auto* c = std::get_if<report::Changed>(&events[i].body); c && c->resource == resource) return i;
      if (const auto* f = std::get_if<report::Fine>(&events[i].body); f && f->resource == resource) return i;
    }
    return SIZE_MAX;
  }
  std::string content(const std::string& name) const { return read_file((top / name).string()); }
};

TEST_F(EngineTest, BringsFilesIntoPlaceAndConverges) {
  make();
  load(
      "resources:\n  file:\n  - {name: a, path: $/a, content: one}\n  - {name: b, path: $/b, content: two, mode: "
      "'0600'}\n");
  EXPECT_TRUE(settle());
  EXPECT_EQ(content("a"), "one");
  EXPECT_EQ(fs::status(top / "b").permissions(), fs::perms(0600));
  EXPECT_EQ(all<report::Changed>().size(), 2u);
  EXPECT_EQ(all<report::Converged>().size(), 1u);
}

struct EngineBurst : EngineTest {
  static constexpr int kFiles = 500;

  std::string files(const std::string& version) const {
    std::string text = "resources:\n  file:\n";
    for (int i = 0; i < kFiles; ++i)
      text += "  - {name: f" + std::to_string(i) + ", path: $/f" + std::to_string(i) + ", content: " + version + "}\n";
    return text;
  }
  // How many hold it; each of the folder's entries counts.
  int holding(const std::string& version) const {
    int found = 0;
    for (const auto& entry : fs::directory_iterator(top)) found += read_file(entry.path().string()) == version ? 1 : 0;
    return found;
  }
};

TEST_F(EngineBurst, ManyReplacedFilesGoTogetherAndEachIsReported) {
  make();
  load(files("one"));
  ASSERT_TRUE(settle());
  load(files("two"));
  ASSERT_TRUE(settle());
  EXPECT_EQ(holding("two"), kFiles);
  EXPECT_EQ(std::distance(fs::directory_iterator(top), {}), kFiles);
  EXPECT_EQ(all<report::Changed>().size(), 2u * kFiles);
  EXPECT_TRUE(all<report::Failed>().empty());
}

TEST_F(EngineBurst, AStopInTheMiddleLeavesEachFileOldOrNewAndNothingElse) {
  make();
  load(files("one"));
  ASSERT_TRUE(settle());
  engine->load(graph(files("two")));
  int seen = 0;
  run_until([&](const report::Event& event) {
    return std::holds_alternative<report::Changed>(event.body) && ++seen == kFiles / 4;
  });
  bool ended = false;
  engine->stop(20s, [&](bool all_ended) {
    ended = all_ended;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ended);
  engine.reset();
  EXPECT_EQ(std::distance(fs::directory_iterator(top), {}), kFiles) << "something half-made was left";
  EXPECT_EQ(holding("one") + holding("two"), kFiles);
  EXPECT_GT(holding("one"), 0) << "the stop came too late to show anything";
}

TEST_F(EngineTest, ADriftIsRepairedByEventAndReportedAsOne) {
  make();
  load("resources:\n  file:\n  - {name: a, path: $/a, content: one}\n  - {name: gone, path: $/gone, state: absent}\n");
  ASSERT_TRUE(settle());
  auto repaired = [](const char* name) {
    return [name](const report::Event& event) {
      const auto* changed = std::get_if<report::Changed>(&event.body);
      return changed && changed->repair && changed->resource == name;
    };
  };
  fs::remove(top / "a");
  run_until(repaired("file[a]"));
  EXPECT_EQ(content("a"), "one");
  std::ofstream(top / "a") << "blah";
  run_until(repaired("file[a]"));
  std::ofstream(top / "gone") << "x";
  run_until(repaired("file[gone]"));
  EXPECT_FALSE(fs::exists(top / "gone"));
}

TEST_F(EngineTest, OwnWritesCauseNoSecondCheck) {
  make();
  std::string text = "resources:\n  file:\n";
  for (int i = 0; i < 200; ++i)
    text += "  - {name: f" + std::to_string(i) + ", path: $/f" + std::to_string(i) + ", content: x, mode: '0640'}\n";
  load(text);
  ASSERT_TRUE(settle());
  Loop::Timer later(loop);
  later.after(50ms, [&] { loop.stop(); });  // time for events that must not be there
  loop.run();
  EXPECT_EQ(all<report::Started>().size(), 200u);
  fs::remove(top / "f7");
  run_until([](const report::Event& event) { return std::holds_alternative<report::Changed>(event.body); });
  later.after(50ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(all<report::Started>().size(), 201u);
}

TEST_F(EngineTest, OrderIsKeptAndIndependentCommandsOverlap) {
  make();
  load(
      "resources:\n  exec:\n"
      "  - {name: one, cmd: sleep 0.2}\n  - {name: two, cmd: sleep 0.2}\n  - {name: apart, cmd: sleep 0.2}\n"
      "edges:\n- {name: e, from: {kind: exec, name: one}, to: {kind: exec, name: two}}\n");
  ASSERT_TRUE(settle());
  EXPECT_LT(position("exec[one]", true), position("exec[two]", false));
  EXPECT_LT(position("exec[apart]", false), position("exec[one]", true));
  EXPECT_LT(position("exec[one]", false), position("exec[apart]", true));
  report::Summary summary = engine->summary();
  EXPECT_EQ(summary.critical_path, (std::vector<std::string>{"exec[one]", "exec[two]"}));
}

TEST_F(EngineTest, AFailureStopsOnlyWhatDependsOnItAndIsNamedWithItsPlace) {
  make();
  load(
      "resources:\n  exec:\n  - {name: bad, cmd: 'false', meta: {retry: 0}}\n  file:\n  - {name: after, path: $/after, "
      "content: x}\n  - "
      "{name: free, path: $/free, content: x}\n"
      "edges:\n- {name: e, from: {kind: exec, name: bad}, to: {kind: file, name: after}}\n");
  EXPECT_FALSE(settle());
  EXPECT_TRUE(fs::exists(top / "free"));
  EXPECT_FALSE(fs::exists(top / "after"));
  auto failed = all<report::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].place, "test.yaml:4:12");
  EXPECT_EQ(all<report::Converged>().size(), 0u);
  auto end = all<report::Settled>();
  ASSERT_EQ(end.size(), 1u);
  EXPECT_EQ(end[0].failed, 1u);
  EXPECT_EQ(end[0].blocked, 1u);
}

TEST_F(EngineTest, RetryTriesAgainAsOftenAsAsked) {
  make();
  load("resources:\n  exec:\n  - {name: bad, cmd: 'false', meta: {retry: 2, delay: 10}}\n");
  EXPECT_FALSE(settle());
  auto failed = all<report::Failed>();
  ASSERT_EQ(failed.size(), 3u);
  EXPECT_DOUBLE_EQ(failed[0].retry_in, 0.01);
  EXPECT_LT(failed[2].retry_in, 0);
}

TEST_F(EngineTest, WithOnceTheSecondFailureSettlesEvenIfItWouldBeTriedForEver) {
  make({.ends_when_settled = true, .once = true});
  load("resources:\n  exec:\n  - {name: bad, cmd: 'false', meta: {retry: -1, delay: 10}}\n");
  EXPECT_FALSE(settle());
  EXPECT_EQ(all<report::Failed>().size(), 2u);
}

TEST_F(EngineTest, AFileWhoseFolderIsMadeByAnotherWithoutAnEdgeIsMadeBeforeConvergenceIsSaid) {
  for (int round = 0; round < 20; ++round) {
    make({.ends_when_settled = true, .once = true});
    load("resources:\n  file:\n  - {name: f, path: $/d/f, content: x}\n  - {name: d, path: $/d/, state: exists}\n");
    EXPECT_TRUE(settle());
    EXPECT_EQ(content("d/f"), "x");
    engine.reset();
    fs::remove_all(top / "d");
  }
}

TEST_F(EngineTest, NoopSaysWhatWouldChangeOnceAndTouchesNothing) {
  make({.noop = true});
  load("resources:\n  file:\n  - {name: a, path: $/a, content: one, meta: {poll: 1}}\n");
  EXPECT_TRUE(settle());
  run_until(
      [](const report::Event& event) { return std::holds_alternative<report::Fine>(event.body); });  // by the poll
  EXPECT_FALSE(fs::exists(top / "a"));
  auto changed = all<report::Changed>();
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_TRUE(changed[0].dry);
}

TEST_F(EngineTest, ASwapKeepsWhatIsEqualAndRunsOnlyWhatChanged) {
  make();
  load("resources:\n  file:\n  - {name: a, path: $/a, content: one}\n  - {name: b, path: $/b, content: two}\n");
  ASSERT_TRUE(settle());
  load(
      "resources:\n  file:\n  - {name: b, path: $/b, content: three}\n  - {name: a, path: $/a, content: one}\n  - "
      "{name: c, path: $/c, content: new}\n");
  ASSERT_TRUE(settle());
  EXPECT_EQ(content("b"), "three");
  EXPECT_EQ(starts("file[a]"), 1u);
  EXPECT_EQ(starts("file[b]"), 2u);
  auto graphs = all<report::GraphStarted>();
  ASSERT_EQ(graphs.size(), 2u);
  EXPECT_EQ(graphs[1].kept, 1u);
  EXPECT_EQ(graphs[1].changed, 1u);
  EXPECT_EQ(graphs[1].added, 1u);
  fs::remove(top / "a");
  run_until([](const report::Event& event) {
    const auto* changed = std::get_if<report::Changed>(&event.body);
    return changed && changed->repair && changed->resource == "file[a]";
  });
}

TEST_F(EngineTest, ACommandThatRunsDuringASwapIsFinishedBeforeItsSuccessorStarts) {
  make();
  load("resources:\n  exec:\n  - {name: x, shell: /bin/sh, cmd: 'sleep 0.2; echo old >> $/log'}\n");
  ASSERT_EQ(starts("exec[x]"), 1u);
  load("resources:\n  exec:\n  - {name: x, shell: /bin/sh, cmd: 'echo middle >> $/log'}\n");
  load("resources:\n  exec:\n  - {name: x, shell: /bin/sh, cmd: 'echo new >> $/log'}\n");
  ASSERT_TRUE(settle());
  EXPECT_EQ(content("log"), "old\nnew\n");
}

TEST_F(EngineTest, SemaphoresLimitWhatRunsAtOnce) {
  make({.sema = 1});
  load(
      "resources:\n  exec:\n  - {name: a, cmd: sleep 0.05}\n  - {name: b, cmd: sleep 0.05}\n  - {name: c, cmd: sleep "
      "0.05}\n");
  ASSERT_TRUE(settle());
  int running = 0;
  for (const auto& event : events) {
    running += std::holds_alternative<report::Started>(event.body);
    running -= std::holds_alternative<report::Changed>(event.body);
    EXPECT_LE(running, 1);
  }
}

TEST_F(EngineTest, ATimeoutEndsACommandAndSaysSo) {
  make();
  load("resources:\n  exec:\n  - {name: slow, cmd: sleep 60, meta: {timeout: 50, retry: 0}}\n");
  EXPECT_FALSE(settle());
  auto failed = all<report::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error, "timed out after 0.05 s");
}

TEST_F(EngineTest, AFightIsSlowedDownWithOneWarning) {
  make({.repair_limit = 20});
  load("resources:\n  file:\n  - {name: a, path: $/a, content: one}\n");
  ASSERT_TRUE(settle());
  hook = [&](const report::Event& event) {
    if (std::holds_alternative<report::Changed>(event.body)) fs::remove(top / "a");
  };
  fs::remove(top / "a");
  Loop::Timer end(loop);
  end.after(1500ms, [&] { loop.stop(); });
  while (end.pending()) loop.run();
  hook = nullptr;
  auto notices = all<report::Notice>();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].text.find("file[a] was changed back more than 20 times in 10 s"), std::string::npos)
      << notices[0].text;
  EXPECT_LE(all<report::Changed>().size(), 25u);
}

TEST_F(EngineTest, ACommandThatRunsAgainIsNoRepairAndNoFight) {
  make({.repair_limit = 2});
  load("resources:\n  exec:\n  - {name: e, cmd: /bin/true, watchfiles: [$/in]}\n");
  ASSERT_TRUE(settle());
  for (int i = 0; i < 5; ++i) {
    std::ofstream(top / "in") << i;
    run_until([](const report::Event& event) { return std::holds_alternative<report::Changed>(event.body); });
  }
  EXPECT_TRUE(std::ranges::none_of(all<report::Changed>(), &report::Changed::repair));
  EXPECT_TRUE(all<report::Notice>().empty());
  EXPECT_EQ(engine->summary().repaired, 0u);
}

TEST_F(EngineTest, ACommandThatWakesItselfIsSlowedDown) {
  make({.repair_limit = 20, .repair_period = 60s});
  load("resources:\n  exec:\n  - {name: e, shell: /bin/sh, cmd: 'echo x >> $/in', watchfiles: [$/in]}\n");
  run_until([](const report::Event& event) { return std::holds_alternative<report::Notice>(event.body); });
  EXPECT_EQ(all<report::Notice>()[0].text,
            "exec[e] ran more than 1000 times in 60 s by what it watches; it is now looked at less often");
}

TEST_F(EngineTest, WhatIsNotLookedAtIsToldWithWhatStandsInItsWay) {
  make();
  load(
      "resources:\n  exec:\n  - {name: bad, cmd: /bin/false, meta: {retry: 0}}\n"
      "  file:\n  - {name: a, path: $/a, content: x}\n  - {name: b, path: $/b, content: x}\n"
      "  - {name: free, path: $/free, content: x}\n"
      "edges:\n- {from: {kind: exec, name: bad}, to: {kind: file, name: a}}\n"
      "- {from: {kind: file, name: a}, to: {kind: file, name: b}}\n");
  EXPECT_FALSE(settle());
  auto standing = engine->standing();
  ASSERT_EQ(standing.size(), 2u);
  for (const auto& one : standing) {
    EXPECT_EQ(one.is, report::Standing::Is::Blocked) << one.resource;
    EXPECT_EQ(one.by, "exec[bad]");
  }
}

TEST_F(EngineTest, ARunTellsWhereItWasAndWhatItTook) {
  make();
  load(
      "resources:\n  exec:\n  - {name: e, cmd: sleep 0.02}\n  file:\n  - {name: a, path: $/a, content: x}\n"
      "  noop:\n  - {name: n}\n");
  ASSERT_TRUE(settle());
  for (const auto& changed : all<report::Changed>()) {
    const report::Timing& timing = changed.timing;
    EXPECT_GE(timing.check, 0) << changed.resource;
    EXPECT_GT(timing.apply, 0) << changed.resource;
    EXPECT_LE(timing.check + timing.apply, changed.seconds + 1e-6) << changed.resource;
    EXPECT_EQ(timing.child > 0, changed.resource == "exec[e]");
    EXPECT_EQ(timing.worker > 0, changed.resource == "file[a]");
  }
  ASSERT_EQ(all<report::Fine>().size(), 1u);
  EXPECT_EQ(all<report::Fine>()[0].timing.worker, 0);
  EXPECT_LT(all<report::Fine>()[0].timing.apply, 0);
}

TEST_F(EngineTest, PurgeLeavesWhatAnotherResourceOfTheGraphManages) {
  make();
  fs::create_directory(top / "d");
  std::ofstream(top / "d/stray") << "x";
  load(
      "resources:\n  file:\n  - {name: d, path: $/d/, state: exists, recurse: true, purge: true}\n  - {name: mine, "
      "path: $/d/mine, content: x}\n");
  ASSERT_TRUE(settle());
  EXPECT_TRUE(fs::exists(top / "d/mine"));
  EXPECT_FALSE(fs::exists(top / "d/stray"));
  // It is no longer managed, so it goes.
  load("resources:\n  file:\n  - {name: d, path: $/d/, state: exists, recurse: true, purge: true}\n");
  ASSERT_TRUE(settle());
  EXPECT_FALSE(fs::exists(top / "d/mine"));
}

TEST_F(EngineTest, TheStoreOfTheAgentIsNobodysToManageAndSurvivesAPurge) {
  fs::create_directories(top / "prefix/db");
  std::ofstream(top / "prefix/db/world.db") << "precious";
  std::ofstream(top / "prefix/stray") << "x";
  make({.store_folder = (top / "prefix/db").string()});
  load(
      "resources:\n  file:\n"
      "  - {name: purge, path: $/prefix/, state: exists, recurse: true, purge: true, force: true}\n"
      "  - {name: inside, path: $/prefix/db/world.db, content: zap, meta: {retry: 0}}\n");
  EXPECT_FALSE(settle());
  EXPECT_EQ(content("prefix/db/world.db"), "precious");
  EXPECT_FALSE(fs::exists(top / "prefix/stray"));
  auto failed = all<report::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error, (top / "prefix/db/world.db").string() + " belongs to the store of mgmt itself");
}

TEST_F(EngineTest, ManySwapsUnderEventsLeakNothing) {
  make();
  std::string even =
      "resources:\n  file:\n  - {name: a, path: $/a, content: even}\n  - {name: b, path: $/x/b, content: b, meta: "
      "{retry: 1}}\n  exec:\n  - {name: w, cmd: 'true', watchcmd: sleep 100}\n";
  std::string odd =
      "resources:\n  file:\n  - {name: a, path: $/a, content: odd}\n  timer:\n  - {name: t, interval: 1}\n";
  auto even_graph = graph(even), odd_graph = graph(odd);
  fs::create_directory(top / "x");
  auto swap = [&](int i) {
    settled.reset();
    engine->load(i % 2 ? odd_graph : even_graph);
    ASSERT_TRUE(settle());
  };
  for (int i = 0; i < 4; ++i) swap(i);
  // The ring of processes that have ended is opened a moment after the start.
  auto list_fds = [] {
    std::string list;
    for (const auto& fd : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      std::string target = fs::read_symlink(fd, gone).string();
      if (target != "anon_inode:[perf_event]") list += target + "\n";
    }
    return list;
  };
  auto count_fds = [&] { return std::ranges::count(list_fds(), '\n'); };
  auto fds = count_fds();
  std::string before = list_fds();
  auto watches = engine->files().kernel_watches();
  for (int i = 0; i < 200; ++i) swap(i);
  // Watch commands that were ended are still being reaped.
  Loop::Timer giving_up(loop), look(loop);
  giving_up.after(5s, [&] { loop.stop(); });
  while (count_fds() > fds && giving_up.pending()) {
    look.after(5ms, [&] { loop.stop(); });
    loop.run();
  }
  EXPECT_LE(count_fds(), fds) << "before:\n" << before << "now:\n" << list_fds();
  EXPECT_EQ(engine->files().kernel_watches(), watches);
  EXPECT_EQ(content("a"), "odd");
}

}  // namespace
}  // namespace mgmt
