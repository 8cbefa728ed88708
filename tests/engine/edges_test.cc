// SPDX-License-Identifier: GPL-3.0-or-later
// The engine with resources of the test's own: refreshes, values that are sent, retries, limits, swaps that wait.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "src/engine/run/engine.h"

namespace mgmt {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

// What stands for the machine, by resource name, and what the resources did to it.
struct Machine {
  std::map<std::string, bool> wrong;
  std::map<std::string, int> fails;         // how many applies will fail yet
  std::map<std::string, Value> sends;       // what a run sends
  std::map<std::string, std::string> seen;  // the `text` that a run had
  std::map<std::string, Notify> events;
  Strings log;  // "apply a", "refresh b"
} machine;

constexpr Param kParams[] = {{.name = "text", .type = kStr, .doc = "x", .receives = true}};
constexpr Param kOutputs[] = {{.name = "out", .type = kStr, .doc = "x"}};

Delta look(const std::string& name, const Declaration& declaration, const Inputs& inputs) {
  Delta delta;
  if (machine.wrong[name] || inputs.received) delta.changes.push_back({.param = "state"});
  if (inputs.refresh) delta.changes.push_back({.param = "refresh"});
  machine.seen[name] = declaration.params.get_or<std::string>(0, "");
  return delta;
}

void act(const std::string& name, const Delta& delta) {
  for (const Change& change : delta.changes)
    machine.log.push_back((change.param == "state" ? "apply " : "refresh ") + name);
  if (machine.fails[name]-- > 0) throw Error("as told");
  machine.wrong[name] = false;
}

template <class Shape>
struct Probe : Shape {
  using Shape::Shape;
  void watch(Subscriptions&, Notify notify) override { machine.events[this->declaration_->name] = std::move(notify); }
  Delta check(const Inputs& inputs) override { return look(this->declaration_->name, *this->declaration_, inputs); }
  std::vector<Value> outputs() const override {
    auto at = machine.sends.find(this->declaration_->name);
    return {at == machine.sends.end() ? Value() : at->second};
  }
};
struct InlineProbe : Probe<InlineResource> {
  using Probe::Probe;
  void apply(const Delta& delta) override { act(declaration_->name, delta); }
};
struct BlockingProbe : Probe<BlockingResource> {
  using Probe::Probe;
  void apply(const Delta& delta, const Inputs&) override { act(declaration_->name, delta); }
};

template <class P>
std::unique_ptr<Resource> create(std::shared_ptr<const Declaration> declaration, Services&) {
  return std::make_unique<P>(std::move(declaration));
}
const Kind kInline{
    .name = "inline", .params = kParams, .refresh = "does", .outputs = kOutputs, .create = create<InlineProbe>};
const Kind kBlocking{
    .name = "blocking", .params = kParams, .refresh = "does", .outputs = kOutputs, .create = create<BlockingProbe>};

// Answers when it is told to.
struct FakeJournal : RefreshJournal {
  explicit FakeJournal(Loop& l) : loop(l) {}
  void add(std::vector<RefreshRow> added, std::move_only_function<void(Result<void>)> done) override {
    machine.log.push_back("journal " + added.front().receiver);
    if (full) return done(std::unexpected(Error("disk full")));
    for (RefreshRow& row : added) rows.emplace(row.id, row);
    if (silent) waiting.push_back(std::move(done));
    else loop.post([done = std::move(done)]() mutable { done({}); });
  }
  void clear(std::vector<std::uint64_t> ids) override {
    for (std::uint64_t id : ids) EXPECT_EQ(rows.erase(id), 1u);
  }
  Loop& loop;
  std::map<std::uint64_t, RefreshRow> rows;
  std::vector<std::move_only_function<void(Result<void>)>> waiting;
  bool full = false, silent = false;
};

struct FakePublisher : Publisher {
  explicit FakePublisher(Loop& l) : loop(l) {}
  void publish(const Declaration& declaration, std::move_only_function<void(Result<bool>)> done) override {
    published.push_back(declaration.id());
    loop.post([this, done = std::move(done)]() mutable {
      if (fails-- > 0) done(std::unexpected(Error("the store is away")));
      else done(true);
    });
  }
  bool idle() const override { return true; }
  Loop& loop;
  Strings published;
  int fails = 0;
};

struct Reader : report::Reader {
  explicit Reader(std::vector<report::Event>& into) : events(into) {}
  void on_event(const report::Event& event) override { events.push_back(event); }
  std::vector<report::Event>& events;
};

struct EdgesTest : testing::TestWithParam<const Kind*> {
  Loop loop;
  report::Report report;
  std::vector<report::Event> events;
  FakeJournal journal{loop};
  FakePublisher publisher{loop};
  std::unique_ptr<Engine> engine;
  std::optional<bool> settled;

  void SetUp() override {
    machine = {};
    report.add(std::make_unique<Reader>(events));
  }
  void TearDown() override {
    machine.events.clear();
    engine.reset();
  }

  void make(Engine::Options options = {}, std::vector<RefreshRow> restored = {}) {
    engine = std::make_unique<Engine>(loop, report, options, &publisher, &journal);
    engine->restore_refreshes(std::move(restored));
    engine->on_settled = [this](bool fine) {
      settled = fine;
      loop.stop();
    };
  }

  struct Edge {
    int from, to;
    bool notify = true;
    std::vector<Send> sends = {};
  };
  std::shared_ptr<ResourceGraph> graph(Strings names, std::vector<Edge> edges, Meta meta = {}) {
    auto graph = std::make_shared<ResourceGraph>();
    for (const std::string& name : names) {
      Declaration declaration;
      declaration.kind = GetParam();
      declaration.name = name;
      declaration.meta = std::make_shared<Meta>(meta);
      graph->vertices.push_back(std::make_shared<Declaration>(std::move(declaration)));
    }
    std::vector<Topology::Edge> ends;
    for (const Edge& edge : edges) {
      ends.push_back({static_cast<VertexId>(edge.from), static_cast<VertexId>(edge.to)});
      graph->edges.push_back({.name = "e", .notify = edge.notify, .sends = edge.sends});
    }
    graph->topology = Topology(names.size(), std::move(ends));
    return graph;
  }
  bool settle() {
    Loop::Timer giving_up(loop);
    giving_up.after(20s, [&] { loop.stop(); });
    if (!settled) loop.run();
    EXPECT_TRUE(settled) << "did not settle";
    return std::exchange(settled, std::nullopt).value_or(false);
  }
  bool run(std::shared_ptr<ResourceGraph> graph) {
    engine->load(std::move(graph));
    return settle();
  }
  std::string id(const std::string& name) { return std::string(GetParam()->name) + "[" + name + "]"; }
  void drift(const std::string& name) {
    machine.wrong[name] = true;
    machine.events.at(name)(Look::Again);
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, EdgesTest, testing::Values(&kInline, &kBlocking),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(EdgesTest, AChangeRefreshesTheReceiverAfterItsRowIsDurable) {
  machine.wrong["a"] = true;
  make();
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1}})));
  EXPECT_EQ(machine.log, (Strings{"journal " + id("b"), "apply a", "refresh b"}));
  EXPECT_TRUE(journal.rows.empty());
  const auto* started = static_cast<const report::Started*>(nullptr);
  for (const auto& event : events)
    if (const auto* s = std::get_if<report::Started>(&event.body); s && s->resource == id("b")) started = s;
  ASSERT_TRUE(started);
  EXPECT_EQ(started->cause.why, report::Cause::Why::Refresh);
  EXPECT_EQ(started->cause.from, id("a"));
}

TEST_P(EdgesTest, NothingIsChangedBeforeTheRowIsDurable) {
  machine.wrong["a"] = true;
  journal.silent = true;
  make();
  engine->load(graph({"a", "b"}, {{0, 1}}));
  Loop::Timer giving_up(loop);
  giving_up.after(20s, [&] { loop.stop(); });
  Loop::Timer look(loop);
  std::function<void()> again = [&] {
    if (!journal.waiting.empty()) loop.stop();
    else look.after(1ms, again);
  };
  loop.post(again);
  loop.run();
  ASSERT_EQ(journal.waiting.size(), 1u);
  EXPECT_EQ(machine.log, Strings{"journal " + id("b")});
  journal.waiting[0]({});
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log, (Strings{"journal " + id("b"), "apply a", "refresh b"}));
}

TEST_P(EdgesTest, OfWhatGoesAtOnceTheFirstIsRepairedFirstThoughItsEventComesLast) {
  make();
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1, false}})));
  drift("b");
  drift("a");
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log, (Strings{"apply a", "apply b"}));
}

TEST_P(EdgesTest, ARefreshIsNoRepair) {
  make();
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1}})));
  drift("a");
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log.back(), "refresh b");
  EXPECT_EQ(engine->summary().repaired, 1u);
  EXPECT_EQ(engine->summary().changed, 1u);
}

TEST_P(EdgesTest, WithoutAChangeNothingIsJournalled) {
  make();
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1}})));
  EXPECT_TRUE(machine.log.empty());
}

TEST_P(EdgesTest, AFullDiskFailsTheSenderAndLosesNothing) {
  machine.wrong["a"] = true;
  journal.full = true;
  make();
  EXPECT_FALSE(run(graph({"a", "b"}, {{0, 1}}, {.retry = 0})));
  EXPECT_EQ(machine.log, Strings{"journal " + id("b")});
  journal.full = false;
  machine.events.at("a")(Look::Again);
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log.back(), "refresh b");
}

TEST_P(EdgesTest, WhatAnEarlierRunOwedIsDone) {
  journal.rows.emplace(4, RefreshRow{4, id("a"), id("b")});
  make({}, {{4, id("a"), id("b")}});
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1}})));
  EXPECT_EQ(machine.log, Strings{"refresh b"});
  EXPECT_TRUE(journal.rows.empty());
}

TEST_P(EdgesTest, AReceiverThatFailsIsStillOwed) {
  machine.wrong["a"] = true;
  machine.fails["b"] = 1;
  make();
  EXPECT_FALSE(run(graph({"a", "b"}, {{0, 1}}, {.retry = 0})));
  EXPECT_EQ(journal.rows.size(), 1u);
  machine.events.at("b")(Look::Again);
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log, (Strings{"journal " + id("b"), "apply a", "refresh b", "refresh b"}));
  EXPECT_TRUE(journal.rows.empty());
}

TEST_P(EdgesTest, ASenderThatFailedHalfWayRefreshesWhenItSucceeds) {
  machine.wrong["a"] = true;
  machine.fails["a"] = 1;
  make();
  EXPECT_FALSE(run(graph({"a", "b"}, {{0, 1}}, {.retry = 0})));
  EXPECT_EQ(journal.rows.size(), 1u);
  machine.wrong["a"] = false;  // somebody else has finished it
  machine.events.at("a")(Look::Again);
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log.back(), "refresh b");
  EXPECT_TRUE(journal.rows.empty());
}

TEST_P(EdgesTest, AReceiverThatLeftTheGraphIsDroppedAndNamed) {
  journal.rows.emplace(1, RefreshRow{1, id("a"), id("gone")});
  make({}, {{1, id("a"), id("gone")}});
  EXPECT_TRUE(run(graph({"a"}, {})));
  EXPECT_TRUE(journal.rows.empty());
  auto named = std::ranges::count_if(events, [&](const auto& event) {
    const auto* notice = std::get_if<report::Notice>(&event.body);
    return notice && notice->text.find(id("gone")) != std::string::npos;
  });
  EXPECT_EQ(named, 1);
}

TEST_P(EdgesTest, ADryRunSaysWhatWouldBeRefreshedAndJournalsNothing) {
  machine.wrong["a"] = true;
  make({.noop = true});
  run(graph({"a", "b", "c"}, {{0, 1}, {1, 2}}));
  EXPECT_TRUE(machine.log.empty());
  Strings would;
  for (const auto& event : events)
    if (const auto* changed = std::get_if<report::Changed>(&event.body))
      would.push_back(changed->resource + " " + changed->delta->changes.front().param);
  EXPECT_EQ(would, (Strings{id("a") + " state", id("b") + " refresh", id("c") + " refresh"}));
}

TEST_P(EdgesTest, AReceiverInNoopIsToldOfItsRefreshAndStillOwedIt) {
  machine.wrong["a"] = true;
  make();
  auto with_noop = graph({"a", "b"}, {{0, 1}});
  auto declaration = std::make_shared<Declaration>(*with_noop->vertices[1]);
  declaration->meta = std::make_shared<Meta>(Meta{.noop = true});
  with_noop->vertices[1] = declaration;
  run(with_noop);
  EXPECT_EQ(machine.log, (Strings{"journal " + id("b"), "apply a"}));
  EXPECT_EQ(journal.rows.size(), 1u);
  run(graph({"a", "b"}, {{0, 1}}));
  EXPECT_EQ(machine.log.back(), "refresh b");
  EXPECT_TRUE(journal.rows.empty());
}

TEST_P(EdgesTest, AnEqualReceiverKeepsWhatItIsOwedThroughASwap) {
  machine.wrong["a"] = true;
  machine.fails["b"] = 1;
  make();
  EXPECT_FALSE(run(graph({"a", "b"}, {{0, 1}}, {.retry = 0})));
  engine->load(graph({"a", "b"}, {{0, 1, false}}, {.retry = 0}));  // nobody notifies it any more
  EXPECT_FALSE(settle());
  machine.events.at("b")(Look::Again);
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log.back(), "refresh b");
}

TEST_P(EdgesTest, AValueIsSentBeforeTheReceiverRunsAndAgainWhenItChanges) {
  machine.sends["a"] = Value("one");
  make();
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1, false, {{0, 0}}}})));
  EXPECT_EQ(machine.seen["b"], "one");
  machine.sends["a"] = Value("two");
  drift("a");
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.seen["b"], "two");
}

TEST_P(EdgesTest, AReceiverWithoutItsValueFailsAndSaysWhoSentNone) {
  make();
  EXPECT_FALSE(run(graph({"a", "b"}, {{0, 1, false, {{0, 0}}}}, {.retry = 0})));
  auto failed =
      std::ranges::find_if(events, [](const auto& e) { return std::holds_alternative<report::Failed>(e.body); });
  ASSERT_NE(failed, events.end());
  EXPECT_EQ(std::get<report::Failed>(failed->body).error,
            "text is to be received from " + id("a") + ".out, which has sent nothing");
}

TEST_P(EdgesTest, WhatWasMadeWithASecretIsSecretWhereItIsReceived) {
  machine.sends["a"] = Value("hunter2");
  make();
  auto with_secret = graph({"a", "b"}, {{0, 1, false, {{0, 0}}}});
  auto sender = std::make_shared<Declaration>(*with_secret->vertices[0]);
  sender->params.set(0, Value("a key"), {});
  sender->params.taint(0);
  with_secret->vertices[0] = sender;
  EXPECT_TRUE(run(with_secret));
  EXPECT_EQ(machine.seen["b"], "hunter2");
  report.emit(report::Notice{report::Notice::Level::Info, "it is hunter2"});
  EXPECT_EQ(std::get<report::Notice>(events.back().body).text, "it is ***");
}

TEST_P(EdgesTest, AReceivedValueOutlivesASwapAndGoesWithItsEdge) {
  machine.sends["a"] = Value("one");
  make();
  EXPECT_TRUE(run(graph({"a", "b"}, {{0, 1, false, {{0, 0}}}})));
  EXPECT_TRUE(run(graph({"x", "a", "b"}, {{1, 2, false, {{0, 0}}}})));
  drift("b");
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.seen["b"], "one");
  EXPECT_TRUE(run(graph({"a", "b"}, {})));
  drift("b");
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.seen["b"], "");
}

TEST_P(EdgesTest, AFailureIsTriedAgainAsOftenAsRetrySaysAndNoMore) {
  machine.wrong["a"] = true;
  machine.fails["a"] = 100;
  make();
  EXPECT_FALSE(run(graph({"a"}, {}, {.retry = 2, .delay = 1ms})));
  EXPECT_EQ(machine.log.size(), 3u);
  drift("a");
  EXPECT_FALSE(settle());
  EXPECT_EQ(machine.log.size(), 4u) << "the retries are used up";
}

TEST_P(EdgesTest, ASuccessGivesRetriesBackWhereRetryresetSaysSo) {
  for (bool reset : {false, true}) {
    machine = {};
    machine.wrong["a"] = true;
    machine.fails["a"] = 1;
    make();
    EXPECT_TRUE(run(graph({"a"}, {}, {.retry = 1, .retryreset = reset, .delay = 1ms})));
    machine.fails["a"] = 1;
    drift("a");
    EXPECT_EQ(settle(), reset);
    machine.events.clear();
    engine.reset();
  }
}

TEST_P(EdgesTest, AChangedDeclarationGetsItsRetriesBackWhereResetSaysSo) {
  for (bool reset : {false, true}) {
    machine = {};
    machine.wrong["a"] = true;
    machine.fails["a"] = 2;
    make();
    EXPECT_FALSE(run(graph({"a"}, {}, {.retry = 1, .delay = 1ms})));
    machine.fails["a"] = 1;
    EXPECT_EQ(run(graph({"a"}, {}, {.retry = 1, .reset = reset, .delay = 2ms})), reset);
    machine.events.clear();
    engine.reset();
  }
}

TEST_P(EdgesTest, RewatchBeginsAFailedOneAnewAtASwap) {
  for (bool rewatch : {false, true}) {
    machine = {};
    machine.wrong["a"] = true;
    machine.fails["a"] = 1;
    make();
    EXPECT_FALSE(run(graph({"a"}, {}, {.retry = 0, .rewatch = rewatch})));
    EXPECT_EQ(run(graph({"a", "b"}, {}, {.retry = 0, .rewatch = rewatch})), rewatch);
    machine.events.clear();
    engine.reset();
  }
}

TEST_P(EdgesTest, ASwapWaitsForWhatIsToBeRealized) {
  machine.wrong["a"] = true;
  machine.fails["a"] = 1;
  make();
  engine->load(graph({"a"}, {}, {.retry = 1, .delay = 50ms, .realize = true}));
  engine->load(graph({"b"}, {}));
  EXPECT_TRUE(settle());
  EXPECT_EQ(machine.log, (Strings{"apply a", "apply a"}));
  EXPECT_EQ(engine->graph().vertices[0]->name, "b");
}

TEST_P(EdgesTest, ASwapDoesntWaitForWhatHasFailedForGood) {
  machine.wrong["a"] = true;
  machine.fails["a"] = 1;
  make();
  engine->load(graph({"a"}, {}, {.retry = 0, .realize = true}));
  engine->load(graph({"b"}, {}));
  EXPECT_TRUE(settle());
  EXPECT_EQ(engine->graph().vertices[0]->name, "b");
}

TEST_P(EdgesTest, WhatRunsHereAndIsExportedIsPublishedOnceItIsFine) {
  machine.wrong["a"] = true;
  machine.fails["a"] = 1;
  publisher.fails = 1;
  make();
  EXPECT_FALSE(run(graph({"a"}, {}, {.retry = 0, .exports = {"*"}})));
  EXPECT_EQ(publisher.published, Strings{});
  machine.events.at("a")(Look::Again);
  EXPECT_FALSE(settle()) << "the store is away";
  machine.events.at("a")(Look::Again);
  EXPECT_TRUE(settle());
  drift("a");
  EXPECT_TRUE(settle());
  EXPECT_EQ(publisher.published, (Strings{id("a"), id("a")}));
}

TEST_P(EdgesTest, LimitedEventsAreLookedAtLaterOnceAndNoneIsLost) {
  make();
  EXPECT_TRUE(run(graph({"a"}, {}, {.limit = 20, .burst = 1})));
  drift("a");
  EXPECT_TRUE(settle());
  std::size_t before = events.size();
  machine.wrong["a"] = true;
  for (int i = 0; i < 10; ++i) machine.events.at("a")(Look::Again);
  EXPECT_TRUE(settle());
  EXPECT_FALSE(machine.wrong["a"]);
  auto starts = std::count_if(events.begin() + static_cast<long>(before), events.end(),
                              [](const auto& e) { return std::holds_alternative<report::Started>(e.body); });
  EXPECT_EQ(starts, 1);
}

}  // namespace
}  // namespace mgmt
