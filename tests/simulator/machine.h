// SPDX-License-Identifier: GPL-3.0-or-later
// Machine: what is outside of the agent and outlives it: things with a value, and who is owed what. Its rules are
// those that can be seen from there: no two at once, nothing dry, no change before its rows, no refresh without reason.
//
// The kinds of the simulator manage one thing each, by its number: `inline[3]`, `blocking[4]`, `async[5]`, and
// `plain[6]`, which can't be refreshed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/resources/async_resource.h"
#include "tests/simulator/journal.h"
#include "tests/simulator/log.h"
#include "tests/simulator/random.h"
#include "tests/simulator/virtual_loop.h"

namespace mgmt::simulator {

/// In percent of the checks, applies, watches.
struct Failures {
  std::uint32_t check = 0, apply = 0, watch = 0, publish = 0;
};

struct Thing {
  std::int64_t value = -1;  // -1: it isn't there
  std::uint64_t version = 0;
  /// How many resources were made for it.
  std::uint64_t resources = 0;
  /// A check has found something, and its apply waits for the journal.
  bool waiting = false;
  /// A check or apply is at it.
  bool occupied = false;
  /// When it was last refreshed, and since when it is owed that by whom. In ticks.
  std::uint64_t refreshed_at = 0;
  std::map<std::uint32_t, std::uint64_t> owed;
  /// Whom the run on its way has to notify, from its check on: what an abandoned one stands in the way of has none.
  std::vector<std::uint32_t> will_owe_to;
  std::vector<std::uint32_t> owes_to;
  /// It has changed something, or tried to.
  bool acted = false;
};

class Machine {
 public:
  Machine(std::size_t size, Random& random, Log& log, Journal& journal)
      : things(size), random_(random), log_(log), journal_(journal) {}

  /// Grows with everything that happens.
  std::uint64_t tick() { return ++ticks_; }

  /// Somebody else sets a thing to a value.
  void drift(std::uint32_t thing, std::int64_t value, events::FileWatcher::Event event);
  /// The job that was at it has ended, which the engine is about to hear; and has heard.
  void leave(std::uint32_t thing);
  void left(std::uint32_t thing) { on_left(thing, true); }
  /// The process has died.
  void crash();

  // Of the resources.
  Delta check(const Declaration& declaration, const Inputs& inputs);
  void apply(const Declaration& declaration, const Inputs& inputs);
  /// True if something was published.
  bool publish(const Declaration& declaration);
  /// A sender changes something: those whom it notifies are owed.
  void owe(const Declaration& declaration);

  std::vector<Thing> things;
  Failures failures;
  /// Of the process that runs; null between two.
  VirtualLoop* loop = nullptr;
  bool dry = false;
  /// Called before and after the engine hears that a job at a thing has ended.
  std::function<void(std::uint32_t, bool heard)> on_left;
  std::function<bool(std::uint32_t)> in_graph;
  std::function<void(std::uint32_t, events::FileWatcher::Event, bool echo)> on_notify;
  std::function<void(std::uint32_t)> on_made;

  Random& random() { return random_; }
  Log& log() { return log_; }

 private:
  void enter(const Declaration& declaration);
  void write(std::uint32_t thing, std::int64_t value, events::FileWatcher::Event event);

  Random& random_;
  Log& log_;
  Journal& journal_;
  std::uint64_t ticks_ = 0;
};

/// The number in "kind[7]", "kind[7]@host".
std::uint32_t thing_of(std::string_view id);
std::uint32_t thing_of(const Declaration& declaration);
std::int64_t declared_value(const Declaration& declaration);

inline constexpr ParamIndex kValue = 0;
extern const Kind kInline, kBlocking, kAsync, kPlain;

/// What start_async of the simulator runs, in the place of coroutines.
class AsyncThing : public AsyncResource {
 public:
  using AsyncResource::AsyncResource;
  virtual Delta check_now(const Inputs& inputs) = 0;
  virtual void apply_now(const Delta& delta, const Inputs& inputs) = 0;
};

}  // namespace mgmt::simulator
