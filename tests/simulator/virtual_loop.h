// SPDX-License-Identifier: GPL-3.0-or-later
// VirtualLoop: the world below the engine, in virtual time. virtual_loop.cc defines the product's Loop, Pool, Spawner,
// FileWatcher, start_async and the steady clock anew (they are what the linker takes in the simulator's programs, in
// the place of the libraries' own), so that the engine that is simulated is the one that ships.
//
// One thread, no system call. What would take time (a job on a thread, an event on its way from the kernel) is a call
// at a random moment. A thread may run one VirtualLoop at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "src/async/loop.h"
#include "src/events/inotify/file_watcher.h"
#include "tests/simulator/random.h"

namespace mgmt::simulator {

class Machine;

/// How long what takes time takes at most. Changed as a run goes on.
struct Delays {
  std::chrono::milliseconds job{20};
  std::chrono::milliseconds event{5};
  std::chrono::milliseconds journal{10};
};

class VirtualLoop : public Loop {
 public:
  using Call = std::move_only_function<void()>;

  VirtualLoop(Machine& machine, Random& random, const Delays& delays, TimePoint begin);
  ~VirtualLoop();

  void after(Duration delay, Call call);
  /// Makes the next call, at its time; false if there is none until `end`.
  bool step(TimePoint end);

  Machine& machine() { return machine_; }
  Random& random() { return random_; }
  const Delays& delays() const { return delays_; }

  /// An event of the kernel: something happened to a thing; none: the queue overflowed.
  void happened(std::optional<std::uint32_t> thing, events::FileWatcher::Event event);

  // Of the product's classes, see virtual_loop.cc.
  struct TimerState;
  void start_timer(std::shared_ptr<TimerState> timer, TimePoint when);
  void post_call(Call call) { posted_.push_back(std::move(call)); }
  events::FileWatcher::State* watcher = nullptr;
  /// The thing that the job on its way has looked at, while one runs.
  std::optional<std::uint32_t>* job = nullptr;

 private:
  struct Entry {
    TimePoint when;
    std::uint64_t order;
    Call call;
    std::shared_ptr<TimerState> timer;
    unsigned generation;
  };
  static bool later(const Entry& a, const Entry& b) { return a.when != b.when ? a.when > b.when : a.order > b.order; }
  void add(Entry entry);

  Machine& machine_;
  Random& random_;
  const Delays& delays_;
  std::uint64_t order_ = 0;
  std::deque<Call> posted_;
  std::vector<Entry> heap_;
};

}  // namespace mgmt::simulator
