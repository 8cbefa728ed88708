// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/simulator/virtual_loop.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "src/async/pool.h"
#include "src/async/process.h"
#include "src/engine/run/async_run.h"
#include "tests/simulator/machine.h"

namespace mgmt::simulator {

// The time that the product sees; none set: the real one, as before main().
static thread_local TimePoint virtual_now{};

struct VirtualLoop::TimerState {
  explicit TimerState(VirtualLoop& l) : loop(l) {}
  VirtualLoop& loop;
  Call call;
  unsigned generation = 0;
};

VirtualLoop::VirtualLoop(Machine& machine, Random& random, const Delays& delays, TimePoint begin)
    : machine_(machine), random_(random), delays_(delays) {
  virtual_now = begin;
}
VirtualLoop::~VirtualLoop() { virtual_now = {}; }

void VirtualLoop::add(Entry entry) {
  heap_.push_back(std::move(entry));
  std::ranges::push_heap(heap_, later);
}

void VirtualLoop::after(Duration delay, Call call) {
  add({.when = virtual_now + delay, .order = ++order_, .call = std::move(call), .timer = nullptr, .generation = 0});
}

void VirtualLoop::start_timer(std::shared_ptr<TimerState> timer, TimePoint when) {
  unsigned generation = timer->generation;
  add({.when = when, .order = ++order_, .call = {}, .timer = std::move(timer), .generation = generation});
}

bool VirtualLoop::step(TimePoint end) {
  if (!posted_.empty()) {
    Call call = std::move(posted_.front());
    posted_.pop_front();
    call();
    return true;
  }
  while (!heap_.empty() && heap_.front().when <= end) {
    std::ranges::pop_heap(heap_, later);
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    if (entry.timer) {
      if (entry.timer->generation != entry.generation || !entry.timer->call) continue;
      entry.call = std::exchange(entry.timer->call, nullptr);
    }
    virtual_now = std::max(virtual_now, entry.when);
    entry.call();
    return true;
  }
  return false;
}

// What an AsyncResource does in a coroutine, as calls one after the other.
struct SimulatedRun : AsyncRun, std::enable_shared_from_this<SimulatedRun> {
  SimulatedRun(VirtualLoop& l, AsyncThing& r, Inputs i, BeforeApply b, std::move_only_function<void(Outcome)> d)
      : loop(l), resource(r), inputs(std::move(i)), before_apply(std::move(b)), done(std::move(d)) {}

  void after(void (SimulatedRun::*step)()) {
    loop.after(loop.random().up_to(loop.delays().job), [self = shared_from_this(), step] {
      if (self->done) ((*self).*step)();
    });
  }
  template <class Work>
  bool attempt(Work work) {
    loop.job = &thing;
    try {
      work();
    } catch (const Error& error) {
      outcome.error = error;
    }
    loop.job = nullptr;
    return !outcome.error;
  }
  void check() {
    if (!attempt([&] { outcome.delta = resource.check_now(inputs); })) return after(&SimulatedRun::end);
    if (outcome.delta.empty() || inputs.dry) return after(&SimulatedRun::end);
    if (!before_apply) return after(&SimulatedRun::apply);
    waiting = true;
    std::exchange(before_apply, nullptr)([self = shared_from_this()](Result<void> result) {
      self->waiting = false;
      if (!result) self->outcome.error = result.error();
      if (self->cancelled) self->outcome.error = Error("cancelled");
      if (self->outcome.error) self->end();
      else self->after(&SimulatedRun::apply);
    });
  }
  void apply() {
    attempt([&] { resource.apply_now(outcome.delta, inputs); });
    after(&SimulatedRun::end);
  }
  void end() {
    std::uint32_t number = thing_of(resource.declaration());
    loop.machine().things[number].waiting = false;
    loop.machine().leave(number);
    std::exchange(done, nullptr)(std::move(outcome));
    loop.machine().left(number);
  }
  // As with a coroutine: what waits for the journal goes on waiting, and ends then.
  void cancel() override {
    if (!done || std::exchange(cancelled, true) || waiting) return;
    loop.post_call([self = shared_from_this()] {
      if (!self->done) return;
      self->outcome.error = Error("cancelled");
      self->end();
    });
  }

  VirtualLoop& loop;
  AsyncThing& resource;
  Inputs inputs;
  BeforeApply before_apply;
  std::move_only_function<void(Outcome)> done;
  Outcome outcome;
  std::optional<std::uint32_t> thing;
  bool waiting = false, cancelled = false;
};

}  // namespace mgmt::simulator

namespace mgmt {

using simulator::VirtualLoop;

// ---- Loop -----------------------------------------------------------------------------------------------------------

struct Loop::State {};

Loop::Loop() = default;
Loop::~Loop() = default;
void Loop::post(std::move_only_function<void()> task) { static_cast<VirtualLoop*>(this)->post_call(std::move(task)); }
boost::asio::io_context& Loop::io() { std::abort(); }

struct Loop::Timer::State : VirtualLoop::TimerState {
  using TimerState::TimerState;
};

Loop::Timer::Timer(Loop& loop) : state_(std::make_shared<State>(static_cast<VirtualLoop&>(loop))) {}
Loop::Timer::~Timer() { cancel(); }

void Loop::Timer::at(TimePoint when, std::move_only_function<void()> call) {
  state_->call = std::move(call);
  ++state_->generation;
  state_->loop.start_timer(state_, when);
}

void Loop::Timer::cancel() {
  if (!state_ || !state_->call) return;
  ++state_->generation;
  state_->call = nullptr;
}

bool Loop::Timer::pending() const { return state_->call != nullptr; }

// ---- Pool: a job acts when it begins, and is heard of later ---------------------------------------------------------

Pool::Pool(Loop& loop, unsigned threads) : loop_(loop), limit_(threads), burst_timer_(loop) {}
Pool::~Pool() { *alive_ = false; }

void Pool::submit(Job job) {
  jobs_.push_back(std::move(job));
  work();
}

void Pool::work() {
  auto& loop = static_cast<VirtualLoop&>(loop_);
  while (live_ < limit_ && !jobs_.empty()) {
    ++live_;
    Job next = std::move(jobs_.front());
    jobs_.pop_front();
    loop.after(loop.random().up_to(loop.delays().job / 2), [this, &loop, alive = alive_,
                                                            job = std::move(next)]() mutable {
      if (!*alive) return;
      std::optional<std::uint32_t> thing;
      loop.job = &thing;
      Done done = job();
      loop.job = nullptr;
      loop.after(loop.random().up_to(loop.delays().job), [this, &loop, alive, thing, done = std::move(done)]() mutable {
        if (!*alive) return;
        --live_;
        if (thing) loop.machine().leave(*thing);
        if (done) done();
        if (!*alive) return;
        if (thing) loop.machine().left(*thing);
        work();
      });
    });
  }
}

std::size_t Pool::drop_waiting() {
  std::size_t dropped = jobs_.size();
  jobs_.clear();
  return dropped;
}

int Pool::worker() { return 0; }

void Pool::replace_thread() {
  ++limit_;
  work();
}

void Pool::release_thread() { --limit_; }

// ---- Spawner: no child is ever started ------------------------------------------------------------------------------

struct SpawnerState {};
Spawner::Spawner(Loop& /*loop*/) {}
Spawner::~Spawner() = default;
void Spawner::set_warn(std::function<void(std::string)> /*warn*/) {}
void Spawner::terminate_all() {}
void Spawner::kill_all(Spare /*spare*/) {}
std::vector<std::string> Spawner::waited_for() const { return {}; }

// ---- FileWatcher: the path of a thing is its number -----------------------------------------------------------------

namespace events {

struct FileWatcher::State {
  explicit State(VirtualLoop& l) : loop(l) { loop.watcher = this; }
  ~State() { loop.watcher = nullptr; }

  struct Entry : Watch {
    Entry(State& s, std::uint32_t t, Call c) : state(s), thing(t), call(std::move(c)) { state.entries.push_back(this); }
    ~Entry() override {
      std::erase(state.entries, this);
      for (auto& [entry, event] : state.pending)
        if (entry == this) entry = nullptr;
    }
    State& state;
    std::uint32_t thing;
    Call call;
  };

  // A call may deliver in its turn, and then makes the calls that were left to the one outside, as the product's does.
  void deliver() {
    for (auto [thing, event] : std::exchange(queue, {}))
      for (Entry* entry : entries)
        if (!thing || entry->thing == *thing) pending.emplace_back(entry, event);
    while (!pending.empty()) {
      auto [entry, event] = pending.front();
      pending.pop_front();
      if (!entry) continue;
      Call call = entry->call;  // it may be unwatched by its own call
      call(event);
    }
  }

  VirtualLoop& loop;
  std::vector<Entry*> entries;
  std::deque<std::pair<std::optional<std::uint32_t>, Event>> queue;  // the kernel's
  std::deque<std::pair<Entry*, Event>> pending;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

FileWatcher::FileWatcher(Loop& loop, std::function<void(std::string)> /*warn*/, Tuning /*tuning*/)
    : state_(std::make_unique<State>(static_cast<VirtualLoop&>(loop))) {}
FileWatcher::~FileWatcher() { *state_->alive = false; }

std::unique_ptr<FileWatcher::Watch> FileWatcher::watch(const std::string& path, Options /*options*/, Call call) {
  return std::make_unique<State::Entry>(*state_, static_cast<std::uint32_t>(std::stoul(path)), std::move(call));
}

void FileWatcher::drain() { state_->deliver(); }
void FileWatcher::hold(bool /*held*/) {}
void FileWatcher::poll_now() {}
void FileWatcher::catch_up() { drain(); }
std::shared_ptr<const Process> FileWatcher::take_changer(const std::string& /*path*/) { return nullptr; }
std::optional<FileWatcher::Told> FileWatcher::telling() const { return std::nullopt; }
std::size_t FileWatcher::watched_paths() const { return 0; }
std::size_t FileWatcher::polled_paths() const { return 0; }
bool FileWatcher::has_other_names() const { return false; }
std::vector<FileWatcher::OtherName> FileWatcher::other_names(const std::string& /*path*/) const { return {}; }

}  // namespace events

void VirtualLoop::happened(std::optional<std::uint32_t> thing, events::FileWatcher::Event event) {
  if (!watcher) return;
  if (!thing) watcher->queue.clear();
  watcher->queue.emplace_back(thing, event);
  after(random_.up_to(delays_.event), [state = watcher, alive = watcher->alive] {
    if (*alive) state->deliver();
  });
}

// ---- async_run ------------------------------------------------------------------------------------------------------

std::shared_ptr<AsyncRun> start_async(
    Loop& loop, AsyncResource& resource, Inputs inputs,
    std::function<std::optional<Error>(const Declaration&, const Delta&)> /*approve: no run here has it*/,
    BeforeApply before_apply, std::move_only_function<void(Outcome)> done) {
  auto run = std::make_shared<simulator::SimulatedRun>(static_cast<VirtualLoop&>(loop),
                                                       static_cast<simulator::AsyncThing&>(resource), std::move(inputs),
                                                       std::move(before_apply), std::move(done));
  run->after(&simulator::SimulatedRun::check);
  return run;
}

// ---- the clock ------------------------------------------------------------------------------------------------------

}  // namespace mgmt

// The linker is told to wrap std::chrono::steady_clock::now().
mgmt::TimePoint real_now() __asm__("__real__ZNSt6chrono3_V212steady_clock3nowEv");
mgmt::TimePoint wrapped_now() __asm__("__wrap__ZNSt6chrono3_V212steady_clock3nowEv");
mgmt::TimePoint wrapped_now() {
  return mgmt::simulator::virtual_now == mgmt::TimePoint{} ? real_now() : mgmt::simulator::virtual_now;
}
