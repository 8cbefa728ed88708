// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/simulator/simulation.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "src/engine/run/engine.h"
#include "tests/simulator/graphs.h"
#include "tests/simulator/journal.h"
#include "tests/simulator/log.h"
#include "tests/simulator/machine.h"
#include "tests/simulator/random.h"
#include "tests/simulator/rules.h"
#include "tests/simulator/virtual_loop.h"

namespace mgmt::simulator {

using namespace std::chrono_literals;

namespace {

using FileEvent = events::FileWatcher::Event;

constexpr std::uint64_t kMostSteps = 300'000;

class ToRules : public report::Reader {
 public:
  explicit ToRules(Rules& rules) : rules_(rules) {}
  void on_event(const report::Event& event) override { rules_.on_event(event); }

 private:
  Rules& rules_;
};

class Exports : public Publisher {
 public:
  explicit Exports(VirtualLoop& loop) : loop_(loop) {}
  void publish(const Declaration& declaration, std::move_only_function<void(Result<bool>)> done) override {
    ++pending_;
    // The declaration may be gone by then; what is published is as it was.
    loop_.after(loop_.random().up_to(loop_.delays().job), [this, declaration, done = std::move(done)]() mutable {
      Result<bool> result = std::unexpected(Error("the world is away"));
      Machine& machine = loop_.machine();
      if (!loop_.random().percent(machine.failures.publish)) result = machine.publish(declaration);
      loop_.after(loop_.random().up_to(loop_.delays().job),
                  [this, thing = thing_of(declaration), result = std::move(result), done = std::move(done)]() mutable {
                    --pending_;
                    loop_.machine().leave(thing);
                    done(std::move(result));
                    loop_.machine().left(thing);
                    if (pending_ == 0) engine->reconsider();
                  });
    });
  }
  bool idle() const override { return pending_ == 0; }
  Engine* engine = nullptr;

 private:
  VirtualLoop& loop_;
  std::size_t pending_ = 0;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool trace)
      : random_(seed),
        log_(trace),
        journal_(random_, log_),
        machine_(size_of_universe(), random_, log_, journal_),
        rules_(machine_, journal_, log_),
        graphs_(machine_.things.size(), random_) {
    machine_.on_left = [this](std::uint32_t thing, bool heard) { rules_.on_left(thing, heard); };
    machine_.on_made = [this](std::uint32_t thing) { rules_.on_made(thing); };
    machine_.in_graph = [this](std::uint32_t thing) { return rules_.in_graph(thing); };
    machine_.on_notify = [this](std::uint32_t thing, FileEvent event, bool echo) {
      rules_.on_notify(thing, event, echo);
    };
    std::uint32_t failing = random_.percent(40) ? 0 : random_.below(40);
    machine_.failures = {.check = failing / 2, .apply = failing, .watch = failing / 4, .publish = failing};
    journal_.failing = random_.percent(70) ? 0 : 20;
    constexpr std::chrono::milliseconds kJobs[] = {0ms, 10ms, 20ms, 60ms};
    constexpr std::chrono::milliseconds kJournal[] = {0ms, 5ms, 50ms};
    delays_ = {.job = kJobs[random_.below(4)],
               .event = random_.percent(50) ? 0ms : 20ms,
               .journal = kJournal[random_.below(3)]};
    options_ = {.noop = random_.percent(3),
                .window = random_.percent(60) ? 0ms : 300ms,
                .once = random_.percent(15),
                .sema = random_.percent(80) ? 0 : 1 + random_.below(3),
                .repair_limit = random_.percent(80) ? 1000 : 1 + random_.below(3),
                .threads = 1 + random_.below(4),
                .random_seed = static_cast<std::uint32_t>(seed)};
    machine_.dry = options_.noop;
    log_.line("{} things; noop {}, window {} ms, once {}, sema {}, repair limit {}, threads {}", machine_.things.size(),
              options_.noop, options_.window / 1ms, options_.once, options_.sema, options_.repair_limit,
              options_.threads);
  }

  simulator::Outcome run() {
    std::vector<RefreshRow> left;
    for (std::uint32_t crashes = random_.percent(50) ? 0 : 1 + random_.below(3); going(); --crashes) {
      bool last = crashes == 0;
      left = live(std::move(left), last);
      if (last) break;
    }
    return {log_.violation(), steps_};
  }

 private:
  std::size_t size_of_universe() {
    constexpr std::uint32_t kMost[] = {3, 6, 6, 12, 12, 40};
    return 1 + random_.below(kMost[random_.below(6)]);
  }

  bool going() const { return log_.violation().empty(); }

  // One process, from its start to a crash, a stop, or (the last one) until all is at rest. What it leaves behind.
  std::vector<RefreshRow> live(std::vector<RefreshRow> left, bool last) {
    VirtualLoop loop(machine_, random_, delays_, now_);
    machine_.loop = &loop;
    journal_.loop = &loop;
    report::Report report;
    report.add(std::make_unique<ToRules>(rules_));
    Exports exports(loop);
    {
      Engine engine(loop, report, options_, &exports, &journal_);
      exports.engine = &engine;
      rules_.begin(engine, options_);
      log_.line("==== a process starts; {} refreshes are due", left.size());
      for (const RefreshRow& row : left) log_.line("row {}: {} owes {}", row.id, row.sender, row.receiver);
      engine.restore_refreshes(std::move(left));
      load(engine);
      rules_.after_step();
      std::chrono::milliseconds horizon{random_.below(400)};
      for (std::uint32_t things = random_.below(10); things > 0; --things)
        loop.after(random_.up_to(horizon), [this, &engine, &loop] { something_happens(engine, loop); });
      go(loop, Clock::now() + horizon);
      if (last) {
        come_to_rest(engine, loop);
      } else if (random_.percent(20)) {
        stop(engine, loop);
      }
      now_ = Clock::now() + 1ms;
      log_.line("==== it dies");
      machine_.crash();
      left = journal_.crash();
      rules_.end();
    }
    return left;
  }

  void load(Engine& engine) {
    latest_ = graphs_.build();
    log_.line("load {} things", latest_->vertices.size());
    engine.load(latest_);
  }

  void something_happens(Engine& engine, VirtualLoop& loop) {
    auto thing = random_.below(static_cast<std::uint32_t>(machine_.things.size()));
    FileEvent event = random_.percent(50) ? FileEvent::Entry : FileEvent::Content;
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2:
        if (!graphs_.is_exported(thing)) machine_.drift(thing, static_cast<std::int64_t>(random_.below(5)) - 1, event);
        break;
      case 3:
        log_.line("event about nothing: {}", thing);
        loop.happened(thing, event);
        break;
      case 4:
        log_.line("the queue overflows");
        loop.happened(std::nullopt, FileEvent::Content);
        break;
      default: graphs_.edit(); load(engine);
    }
  }

  // Until `end`, or until there is nothing to wait for.
  void go(VirtualLoop& loop, TimePoint end) {
    while (going() && loop.step(end)) {
      rules_.after_step();
      if (++steps_ % kMostSteps == 0) log_.wrong("it doesn't come to rest");
    }
  }

  void come_to_rest(Engine& engine, VirtualLoop& loop) {
    log_.line("==== from here on nothing happens, and nothing fails");
    machine_.failures = {};
    journal_.failing = 0;
    delays_ = {.job = 2ms, .event = 2ms, .journal = 2ms};
    // The longest waits are a minute each (of a retry, a pause, a watch), and one after the other along a chain.
    constexpr auto kLong = 10min;
    go(loop, Clock::now() + kLong);
    if (!going()) return;
    if (&engine.graph() != latest_.get()) return log_.wrong("at rest, and not with the latest graph");
    rules_.at_rest();
    Things failed = rules_.failed();
    if (failed.none() || !going()) return;
    log_.line("==== what has failed for good gets an event");
    for (std::uint32_t t = 0; t < machine_.things.size(); ++t)
      if (failed.test(t)) loop.happened(t, FileEvent::Content);
    go(loop, Clock::now() + kLong);
    if (!going()) return;
    rules_.at_rest();
    failed = rules_.failed();
    for (std::uint32_t t = 0; t < machine_.things.size(); ++t)
      if (failed.test(t) && !graphs_.is_deaf(t) && !rules_.is_behind(t, failed))
        log_.wrong("{} has had an event and is still as failed", t);
  }

  void stop(Engine& engine, VirtualLoop& loop) {
    log_.line("==== stop");
    std::optional<bool> stopped;
    engine.stop(5s, [&](bool quiet) { stopped = quiet; });
    while (going() && !stopped && loop.step(Clock::now() + 6s)) ++steps_;
    if (!stopped) return log_.wrong("it never stops");
    if (!*stopped) return;
    for (const Thing& thing : machine_.things)
      if (thing.occupied) log_.wrong("it says that it has stopped while a job runs");
  }

  Random random_;
  Log log_;
  Delays delays_;
  Journal journal_;
  Machine machine_;
  Rules rules_;
  Graphs graphs_;
  Engine::Options options_;
  std::shared_ptr<const ResourceGraph> latest_;
  TimePoint now_{std::chrono::hours(1)};
  std::uint64_t steps_ = 0;
};

}  // namespace

Outcome simulate(std::uint64_t seed, bool trace) { return Simulation(seed, trace).run(); }

}  // namespace mgmt::simulator
