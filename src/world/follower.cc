// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/follower.h"

#include <utility>

namespace mgmt::world {

struct Follower::State : std::enable_shared_from_this<State> {
  State(Loop& loop, World& to, std::string below, Calls on)
      : world(to), prefix(std::move(below)), calls(std::move(on)), again(loop) {}

  World& world;
  std::string prefix;
  Calls calls;
  std::unique_ptr<Watch> watch;
  Loop::Timer again;
  BackOff back_off;
  bool warned = false, closed = false;
  /// Answers to an older read are not for us any more.
  unsigned round = 0;
  std::vector<Entry> entries;
  /// The newest that was told.
  Revision seen;

  void read() {
    unsigned mine = ++round;
    watch.reset();
    again.cancel();
    entries.clear();
    world.read(prefix, [weak = weak_from_this(), mine](Result<Page> page) {
      auto self = weak.lock();
      if (self && !self->closed && mine == self->round) self->on_page(std::move(page));
    });
  }

  void on_page(Result<Page> page) {
    if (!page) return on_failure(page.error());
    std::ranges::move(page->entries, std::back_inserter(entries));
    if (!page->last) return;
    // A member of a cluster may be behind the one that was asked before.
    if (page->revision < seen) return on_failure(Error("what was read of " + prefix + " is older than what was known"));
    seen = page->revision;
    warned = false;
    back_off.reset();
    watch = world.watch(prefix, seen, [weak = weak_from_this()](const WatchEvent& event) {
      auto self = weak.lock();
      if (self && !self->closed) self->on_event(event);
    });
    calls.on_all(std::exchange(entries, {}));
  }

  void on_event(const WatchEvent& event) {
    if (const auto* error = std::get_if<Error>(&event)) return on_failure(*error);
    if (std::holds_alternative<Compacted>(event)) return read();
    const auto& changes = std::get<Changes>(event);
    if (changes.revision <= seen) return;
    seen = changes.revision;
    calls.on_changes(changes);
  }

  void on_failure(const Error& error) {
    watch.reset();
    if (!std::exchange(warned, true) && calls.warn) calls.warn(error.text() + ", trying again");
    again.after(back_off.next(), [this] { read(); });  // the timer is ours: it goes with us
  }
};

Follower::Follower(Loop& loop, World& world, std::string prefix, Calls calls)
    : state_(std::make_shared<State>(loop, world, std::move(prefix), std::move(calls))) {
  state_->read();
}

Follower::~Follower() {
  state_->closed = true;
  state_->watch.reset();
  state_->again.cancel();
}

void Follower::restart() { state_->read(); }

}  // namespace mgmt::world
