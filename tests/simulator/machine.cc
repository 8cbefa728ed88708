// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/simulator/machine.h"

#include <boost/asio/awaitable.hpp>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace mgmt::simulator {

using Event = events::FileWatcher::Event;

std::uint32_t thing_of(std::string_view id) {
  std::uint32_t thing = 0;
  std::size_t open = id.find('[');
  std::from_chars(id.data() + (open == std::string_view::npos ? 0 : open + 1), id.data() + id.size(), thing);
  return thing;
}

std::uint32_t thing_of(const Declaration& declaration) { return thing_of(declaration.name); }

std::int64_t declared_value(const Declaration& declaration) {
  return declaration.params.get_or<std::int64_t>(kValue, 0);
}

void Machine::write(std::uint32_t thing, std::int64_t value, Event event) {
  things[thing].value = value;
  ++things[thing].version;
  if (loop) loop->happened(thing, event);
}

void Machine::drift(std::uint32_t thing, std::int64_t value, Event event) {
  log_.line("drift: {} is {} now", thing, value);
  write(thing, value, event);
}

// The job on its way is at this thing, and no other is.
void Machine::enter(const Declaration& declaration) {
  std::uint32_t number = thing_of(declaration);
  bool by_this = loop->job && *loop->job == number;
  if (things[number].occupied && !by_this) log_.wrong("two jobs are at {} at once", declaration.id());
  if (!loop->job) return;
  things[number].occupied = true;
  *loop->job = number;
}

void Machine::leave(std::uint32_t thing) {
  things[thing].occupied = false;
  on_left(thing, false);
}

void Machine::crash() {
  loop = nullptr;
  for (Thing& thing : things) thing.occupied = thing.waiting = false;
}

Delta Machine::check(const Declaration& declaration, const Inputs& inputs) {
  std::uint32_t number = thing_of(declaration);
  Thing& thing = things[number];
  log_.line("  check {}: it is {}, declared {}{}", declaration.id(), thing.value, declared_value(declaration),
            inputs.refresh ? ", refresh" : "");
  enter(declaration);
  thing.waiting = false;
  thing.owes_to = thing.will_owe_to;
  if (random_.percent(failures.check)) throw Error("can't be read");
  Delta delta;
  if (thing.value != declared_value(declaration)) delta.changes.push_back({.param = "value"});
  if (inputs.refresh) delta.changes.push_back({.param = "refresh"});
  bool applies = !delta.empty() && !inputs.dry && !dry && !declaration.meta->noop;
  thing.waiting = applies && !thing.owes_to.empty();
  return delta;
}

void Machine::owe(const Declaration& declaration) {
  std::uint32_t sender = thing_of(declaration);
  things[sender].acted = true;
  for (std::uint32_t receiver : things[sender].owes_to) {
    if (!in_graph(receiver)) continue;
    if (!journal_.is_durable(receiver))
      log_.wrong("{} changes something before it is durable that {} is to be refreshed", declaration.id(), receiver);
    things[receiver].owed[sender] = tick();
  }
}

void Machine::apply(const Declaration& declaration, const Inputs& inputs) {
  std::uint32_t number = thing_of(declaration);
  Thing& thing = things[number];
  if (dry || inputs.dry || declaration.meta->noop) log_.wrong("{} is applied in a dry run", declaration.id());
  enter(declaration);
  thing.waiting = false;
  owe(declaration);
  if (random_.percent(failures.apply)) {
    bool half = random_.percent(50);
    log_.line("  apply {}: fails {}", declaration.id(), half ? "half-way" : "at once");
    if (half) write(number, 100 + random_.below(100), Event::Content);
    throw Error("can't be written");
  }
  log_.line("  apply {}: it is {} now{}", declaration.id(), declared_value(declaration),
            inputs.refresh ? ", and refreshed" : "");
  if (thing.value != declared_value(declaration)) write(number, declared_value(declaration), Event::Entry);
  if (inputs.refresh) thing.refreshed_at = tick();
}

bool Machine::publish(const Declaration& declaration) {
  std::uint32_t number = thing_of(declaration);
  if (dry || declaration.meta->noop) log_.wrong("{} is published in a dry run", declaration.id());
  things[number].refreshed_at = tick();  // for it, to be refreshed is to be published
  if (things[number].value == declared_value(declaration)) return false;
  owe(declaration);
  log_.line("  publish {}: {}", declaration.id(), declared_value(declaration));
  things[number].value = declared_value(declaration);
  return true;
}

namespace {

constexpr Param kParams[] = {
    {.name = "value", .type = kInt, .doc = "What the thing is to be."},
};

struct Watching : Subscription {
  std::unique_ptr<events::FileWatcher::Watch> watch;
};

// What the three shapes share.
class Core {
 public:
  Core(Machine& machine, const Declaration& declaration, Services& services)
      : machine_(machine), files_(services.files), thing_(thing_of(declaration)) {
    resource_ = ++machine.things[thing_].resources;
    machine.on_made(thing_);
  }

  void watch(Subscriptions& into, const Notify& notify) {
    if (machine_.random().percent(machine_.failures.watch)) throw Error("can't be watched");
    auto watching = std::make_unique<Watching>();
    watching->watch = files_.watch(std::to_string(thing_), {}, [this, notify](Event event) {
      // One that a swap has replaced is still told.
      if (resource_ == machine_.things[thing_].resources) machine_.on_notify(thing_, event, is_own_echo());
      notify(event == Event::Content ? Look::Again : Look::Entry);
    });
    into.push_back(std::move(watching));
  }
  void leave() { machine_.leave(thing_); }
  bool is_own_echo() const { return seen_ == machine_.things[thing_].version; }

  Delta check(const Declaration& declaration, const Inputs& inputs) {
    Delta delta = machine_.check(declaration, inputs);
    seen_ = machine_.things[thing_].version;
    return delta;
  }
  void apply(const Declaration& declaration, const Inputs& inputs) {
    machine_.apply(declaration, inputs);
    seen_ = machine_.things[thing_].version;
  }

 private:
  Machine& machine_;
  events::FileWatcher& files_;
  std::uint32_t thing_;
  std::uint64_t resource_;
  std::optional<std::uint64_t> seen_;
};

Machine& machine_of(Services& services) { return static_cast<VirtualLoop&>(services.loop).machine(); }

class Inline : public InlineResource {
 public:
  Inline(std::shared_ptr<const Declaration> declaration, Services& services)
      : InlineResource(declaration), core_(machine_of(services), *declaration, services) {}
  void watch(Subscriptions& into, Notify notify) override { core_.watch(into, notify); }
  bool is_own_echo() override { return core_.is_own_echo(); }
  Delta check(const Inputs& inputs) override {
    refresh_ = inputs.refresh;
    return core_.check(*declaration_, inputs);
  }
  void apply(const Delta& /*delta*/) override {
    try {
      core_.apply(*declaration_, {.refresh = refresh_});
    } catch (const Error&) {
      core_.leave();
      throw;
    }
    core_.leave();
  }

 private:
  Core core_;
  bool refresh_ = false;
};

class Blocking : public BlockingResource {
 public:
  Blocking(std::shared_ptr<const Declaration> declaration, Services& services)
      : BlockingResource(declaration), core_(machine_of(services), *declaration, services) {}
  void watch(Subscriptions& into, Notify notify) override { core_.watch(into, notify); }
  bool is_own_echo() override { return core_.is_own_echo(); }
  Delta check(const Inputs& inputs) override { return core_.check(*declaration_, inputs); }
  void apply(const Delta& /*delta*/, const Inputs& inputs) override { core_.apply(*declaration_, inputs); }

 private:
  Core core_;
};

class Async : public AsyncThing {
 public:
  Async(std::shared_ptr<const Declaration> declaration, Services& services)
      : AsyncThing(declaration), core_(machine_of(services), *declaration, services) {}
  void watch(Subscriptions& into, Notify notify) override { core_.watch(into, notify); }
  bool is_own_echo() override { return core_.is_own_echo(); }
  Delta check_now(const Inputs& inputs) override { return core_.check(*declaration_, inputs); }
  void apply_now(const Delta& /*delta*/, const Inputs& inputs) override { core_.apply(*declaration_, inputs); }
  // start_async of the simulator calls the two above.
  boost::asio::awaitable<Delta> check(Inputs /*inputs*/) override { std::abort(); }
  boost::asio::awaitable<void> apply(Delta /*delta*/) override { std::abort(); }

 private:
  Core core_;
};

template <class T>
std::unique_ptr<Resource> create(std::shared_ptr<const Declaration> declaration, Services& services) {
  return std::make_unique<T>(std::move(declaration), services);
}

}  // namespace

constinit const Kind kInline{.name = "inline", .params = kParams, .refresh = "is noted", .create = create<Inline>};
constinit const Kind kBlocking{
    .name = "blocking", .params = kParams, .refresh = "is noted", .create = create<Blocking>};
constinit const Kind kAsync{.name = "async", .params = kParams, .refresh = "is noted", .create = create<Async>};
constinit const Kind kPlain{.name = "plain", .params = kParams, .create = create<Blocking>};

}  // namespace mgmt::simulator
