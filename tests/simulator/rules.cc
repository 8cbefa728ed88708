// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/simulator/rules.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <variant>

namespace mgmt::simulator {

using namespace std::chrono_literals;

namespace {

template <class Call>
void for_each(const Things& things, Call call) {
  for (std::uint64_t left = things.to_ullong(); left != 0; left &= left - 1)
    call(static_cast<std::uint32_t>(std::countr_zero(left)));
}

}  // namespace

void Rules::begin(Engine& engine, const Engine::Options& options) {
  engine_ = &engine;
  options_ = options;
  std::ranges::fill(ones_, One{});
  std::ranges::fill(declarations_, nullptr);
  present_.reset();
  made_.reset();
  equal_.reset();
  holders_.clear();
  swapped_ = announced_ = false;
}

void Rules::on_event(const report::Event& event) {
  std::visit([this](const auto& body) { on(body); }, event.body);
}

// It runs, or would have to: what is behind it doesn't.
bool Rules::is_ready(std::uint32_t thing) const { return (before_[thing] & unsettled_).none(); }

bool Rules::retry_due(const One& one) { return one.retry_at && Clock::now() < *one.retry_at; }

bool Rules::is_abandoned(std::uint32_t t) const {
  return ones_[t].state == State::Failed && (machine_.things[t].occupied || machine_.things[t].waiting);
}

void Rules::make_dirty(std::uint32_t t) {
  if (ones_[t].state != State::Failed) return;
  ones_[t].retry_at.reset();
  if (!is_abandoned(t)) ones_[t].state = State::Dirty;
}

// What has changed something makes those whom it notifies dirty.
void Rules::tell_receivers(std::uint32_t sender) {
  if (machine_.dry) {  // nothing is noted down then, so who is told can't be seen
    for (std::uint32_t t : machine_.things[sender].owes_to) ones_[t].retry_at.reset();
    return;
  }
  if (!machine_.things[sender].acted) {
    // One that couldn't note down whom it owes: who is owed from before is told.
    for (std::uint32_t t : machine_.things[sender].owes_to)
      if (journal_.is_owed(t)) ones_[t].retry_at.reset();
    return;
  }
  if (machine_.things[sender].occupied || machine_.things[sender].waiting)
    return;  // abandoned: when its job comes back
  for (std::uint32_t t : machine_.things[sender].owes_to) {
    One& one = ones_[t];
    if (!present_.test(t) || !journal_.is_owed(t)) continue;
    if (one.state == State::Running) {
      one.reason = true;  // or its run carries that out already
      continue;
    }
    make_dirty(t);
    one.must = true;
    unsettled_.set(t);
  }
}

void Rules::let_go(One& one) {
  for (const std::string& name : std::exchange(one.holds, {})) --holders_[name];
}

void Rules::on(const report::GraphStarted& event) {
  const ResourceGraph& graph = engine_->graph();
  log_.line("graph {}: {} things, {} edges; {} kept, {} added, {} changed, {} removed", event.generation,
            event.resources, event.edges, event.kept, event.added, event.changed, event.removed);
  std::vector<std::shared_ptr<const Declaration>> now(kMostThings);
  for (const auto& declaration : graph.vertices) now[thing_of(*declaration)] = declaration;

  // Whoever has `realize` had its time.
  bool busy = false;
  std::optional<std::uint32_t> unrealized;
  for_each(present_, [&](std::uint32_t t) {
    busy |= ones_[t].state == State::Running || retry_due(ones_[t]);
    if (declaration(t).meta->realize && !ones_[t].was_fine) unrealized = t;
  });
  if (busy && unrealized) log_.wrong("a swap didn't wait for {}, which has realize", declaration(*unrealized).id());

  Things present;
  equal_.reset();
  for (std::uint32_t t = 0; t < kMostThings; ++t) {
    One& one = ones_[t];
    if (now[t]) present.set(t);
    bool same = now[t] && declarations_[t] && same_effect(*now[t], *declarations_[t]);
    bool anew = same && now[t]->meta->rewatch && one.state == State::Failed && !one.retry_at;
    if (same && !anew) {
      equal_.set(t);
      continue;
    }
    if (!now[t] && t < machine_.things.size()) machine_.things[t].owed.clear();
    if (!now[t] && !declarations_[t]) continue;
    bool runs = one.state == State::Running || one.retired || is_abandoned(t);
    std::vector<std::string> holds = runs ? std::move(one.holds) : std::vector<std::string>();
    bool limited = one.limited || (runs && declarations_[t] && declarations_[t]->meta->timeout > 0ms);
    one = One{.retired = runs, .limited = limited, .holds = std::move(holds)};
    if (!now[t]) {
      one.must = one.reason = false;
      one.state = State::Clean;
    }
  }
  declarations_ = std::move(now);
  present_ = present;

  std::ranges::fill(before_, Things());
  for (auto& receivers : notifies_) receivers.clear();
  for (VertexId v : graph.topology.topological_order()) {
    std::uint32_t t = thing_of(*graph.vertices[v]);
    for (VertexId p : graph.topology.predecessors(v)) {
      std::uint32_t predecessor = thing_of(*graph.vertices[p]);
      before_[t] |= before_[predecessor];
      before_[t].set(predecessor);
    }
  }
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    auto [from, to] = graph.topology.edges()[e];
    if (graph.edges[e].notify && !graph.vertices[to]->kind->refresh.empty())
      notifies_[thing_of(*graph.vertices[from])].push_back(thing_of(*graph.vertices[to]));
  }
  unsettled_.reset();
  for_each(present_, [&](std::uint32_t t) { unsettled_[t] = ones_[t].state != State::Clean || ones_[t].must; });
  swapped_ = true;
  last_activity_ = Clock::now();
  announced_ = false;
}

void Rules::after_step() {
  if (!std::exchange(swapped_, false)) {
    made_.reset();
    return;
  }
  for_each(made_ & equal_,
           [&](std::uint32_t t) { log_.wrong("a swap made {} anew, which is equal", declaration(t).id()); });
  made_.reset();
}

bool Rules::is_at_work(std::uint32_t t) const {
  const Thing& thing = machine_.things[t];
  const One& one = ones_[t];
  return one.state == State::Running || one.retired || one.limited || thing.occupied || thing.waiting;
}

void Rules::on(const report::Started& event) {
  std::uint32_t t = thing_of(event.resource);
  One& one = ones_[t];
  log_.line("start {}{}", event.resource,
            event.cause.why == report::Cause::Why::Refresh ? ", refreshed by " + event.cause.from : "");
  if (one.state == State::Running) log_.wrong("{} starts while it runs", event.resource);
  for_each(before_[t] & unsettled_, [&](std::uint32_t other) {
    log_.wrong("{} starts before {} is settled", event.resource, declaration(other).id());
  });
  bool by_poll = declaration(t).meta->poll > 0s;
  if (!one.must && !one.reason && !by_poll && !journal_.is_owed(t) && !machine_.dry)
    log_.wrong("{} starts without a reason", event.resource);
  one.state = State::Running;
  one.must = one.reason = false;
  one.retry_at.reset();
  if (event.cause.why == report::Cause::Why::Refresh && !machine_.dry && !journal_.is_owed(t))
    log_.wrong("{} is refreshed, which nobody asked for", event.resource);
  // What a sender that is at work still owes is for later.
  one.given = journal_.due(t, [&](std::uint32_t sender) { return !is_at_work(sender); });
  one.shared = false;
  for (std::uint32_t sender = 0; sender < machine_.things.size(); ++sender) {
    const Thing& thing = machine_.things[sender];
    auto tells = [&](const std::vector<std::uint32_t>& whom) { return std::ranges::find(whom, t) != whom.end(); };
    one.shared |= is_at_work(sender) && (tells(thing.owes_to) || tells(thing.will_owe_to));
  }
  for (std::uint32_t receiver : notifies_[t]) ones_[receiver].shared = true;
  unsettled_.set(t);
  const Meta& meta = *declaration(t).meta;
  Thing& thing = machine_.things[t];
  thing.will_owe_to = meta.noop ? std::vector<std::uint32_t>() : notifies_[t];
  if (declaration(t).exported) thing.owes_to = thing.will_owe_to;
  if (!thing.occupied && !thing.waiting) thing.acted = false;
  std::vector<std::string> names = meta.sema;
  if (options_.sema > 0) names.push_back(fmt::format(":{}", options_.sema));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  for (const std::string& name : names) {
    if (++holders_[name] > static_cast<int>(semaphore_size(name)))
      log_.wrong("semaphore {} has {} holders", name, holders_[name]);
    one.holds.push_back(name);
  }
}

void Rules::fine(std::uint32_t t) {
  One& one = ones_[t];
  if (one.state != State::Running) {
    if (!one.retired && !one.retires && !one.limited) log_.wrong("{} ends, and didn't run", declaration(t).id());
    return;
  }
  let_go(one);
  one.state = State::Clean;
  one.was_fine = true;
  one.failures = 0;
  unsettled_[t] = one.must;
  if (!declaration(t).meta->noop && !options_.noop && !one.shared &&
      std::ranges::any_of(one.given, [&](std::uint64_t id) { return journal_.is_due(id); }))
    log_.wrong("{} was refreshed, and what asked for that stays", declaration(t).id());
}

void Rules::on(const report::Changed& event) {
  log_.line("changed {}", event.resource);
  std::uint32_t t = thing_of(event.resource);
  bool of_retired = !present_.test(t) || ones_[t].state != State::Running;
  if (of_retired && !ones_[t].retired && !ones_[t].retires && !ones_[t].limited)
    return log_.wrong("{} has changed something, and didn't run", event.resource);
  last_activity_ = Clock::now();
  announced_ = false;
  tell_receivers(t);
  if (!of_retired) fine(t);
}

void Rules::on(const report::Fine& event) {
  log_.line("fine {}", event.resource);
  fine(thing_of(event.resource));
}

void Rules::on(const report::Failed& event) {
  log_.line("failed {}: {}, retry in {} s", event.resource, event.error, event.retry_in);
  std::uint32_t t = thing_of(event.resource);
  One& one = ones_[t];
  if (one.state != State::Running) return log_.wrong("{} fails, and didn't run", event.resource);
  let_go(one);
  one.state = State::Failed;
  ++one.failures;
  unsettled_.set(t);
  // After an event that came while it ran, it is looked at again at once, or when what is before it is settled.
  if (one.reason || one.must) {
    make_dirty(t);
  } else if (event.retry_in >= 0) {
    one.reason = true;
    one.retry_at = Clock::now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(event.retry_in));
  }
  tell_receivers(t);
  last_activity_ = Clock::now();
  announced_ = false;
}

void Rules::on_left(std::uint32_t t, bool heard) {
  One& one = ones_[t];
  // Abandoned when its time was over, it has come back.
  bool came_back = !heard && one.state == State::Failed;
  if (came_back) {
    one.state = State::Dirty;
    one.reason = true;
    machine_.things[t].waiting = false;
  }
  // Those whom it notifies may look now, instead of at their own time.
  if (came_back || (!heard && one.retired)) {
    for (std::uint32_t receiver : machine_.things[t].owes_to)
      if (journal_.is_owed(receiver)) ones_[receiver].retry_at.reset();
  }
  one.reason |= one.limited && one.state != State::Running;
  if (heard) one.retires = false;
  if (!one.retired || (machine_.things[t].waiting && !one.limited)) return;
  if (!heard) {
    one.retired = false;
    one.retires = true;
    machine_.things[t].waiting = false;
    if (one.state != State::Running) let_go(one);
    if (present_.test(t)) one.reason = true;
  }
}

void Rules::on_notify(std::uint32_t t, events::FileWatcher::Event event, bool echo) {
  log_.line("event at {}{}", t, event == events::FileWatcher::Event::Content ? "" : echo ? ", own echo" : ", entry");
  if (!present_.test(t)) return;
  One& one = ones_[t];
  one.reason = true;
  make_dirty(t);
  if (event != events::FileWatcher::Event::Content) return;
  one.must = true;
  unsettled_.set(t);
}

void Rules::check_as_declared(std::uint32_t t, const char* when) {
  const Declaration& d = declaration(t);
  const Thing& thing = machine_.things[t];
  if (d.meta->noop || options_.noop) return;
  // What is polled, or looked at once, may have changed since.
  if (d.meta->poll == 0s && thing.value != declared_value(d))
    log_.wrong("{}: {} is {}, declared {}", when, d.id(), thing.value, declared_value(d));
  // What an abandoned sender owes is due when its job comes back.
  for (const auto& [sender, since] : thing.owed) {
    const Thing& by = machine_.things[sender];
    if (thing.refreshed_at < since && !by.occupied && !by.waiting)
      log_.wrong("{}: {} wasn't refreshed after {} changed", when, d.id(), sender);
  }
}

void Rules::announced(bool all_fine) {
  const char* what = all_fine ? "converged" : "settled";
  log_.line("{}", what);
  announced_ = true;
  if (Clock::now() < last_activity_ + options_.window) log_.wrong("{} before the window's end", what);
  for_each(present_, [&](std::uint32_t t) {
    const One& one = ones_[t];
    std::string id = declaration(t).id();
    if (one.state == State::Running || (one.retired && !one.limited)) log_.wrong("{} while {} runs", what, id);
    if (retry_due(one) && !(options_.once && one.failures >= 2))
      log_.wrong("{} while {} is to be tried again", what, id);
    // Its job runs on, though its time was over: that isn't waited for.
    if ((one.must || one.state == State::Dirty) && is_ready(t) && !is_abandoned(t))
      log_.wrong("{} while {} is to be looked at", what, id);
    if (all_fine && (one.state != State::Clean || one.must)) log_.wrong("{}, and {} isn't", what, id);
    if (one.state == State::Clean && is_ready(t)) check_as_declared(t, what);
  });
  for (std::uint32_t t = 0; t < machine_.things.size(); ++t)
    if (ones_[t].retired && !ones_[t].limited) log_.wrong("{} while {}, which has left the graph, runs", what, t);
}

void Rules::on(const report::Converged& /*event*/) { announced(true); }
void Rules::on(const report::Settled& event) {
  if (event.failed == 0) log_.wrong("settled with failures, and nothing failed");
  announced(false);
}

Things Rules::failed() const {
  Things failed;
  for_each(present_, [&](std::uint32_t t) { failed[t] = ones_[t].state == State::Failed; });
  return failed;
}

void Rules::at_rest() {
  if (!announced_) log_.wrong("at rest, and nobody has said so");
  for_each(present_, [&](std::uint32_t t) {
    const One& one = ones_[t];
    if ((before_[t] & failed()).any() || one.state == State::Failed) return;
    bool polled = declaration(t).meta->poll > 0s;  // it may be looked at just now
    if (!polled && (one.state != State::Clean || one.must))
      log_.wrong("at rest: {} has not been looked at", declaration(t).id());
    check_as_declared(t, "at rest");
  });
}

}  // namespace mgmt::simulator
