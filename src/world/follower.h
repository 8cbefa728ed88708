// SPDX-License-Identifier: GPL-3.0-or-later
// Follower: what stands below a prefix, and every change of it from then on: reads, watches, and reads again
// when a watch is over (Compacted, a store that can't be had; then with back-off, and one warning an outage).
// Never goes back to an older revision. Lives and calls on the loop's thread, from the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/async/loop.h"
#include "src/world/world.h"

namespace mgmt::world {

class Follower {
 public:
  struct Calls {
    /// All there is, in the order of the keys.
    std::function<void(std::vector<Entry>)> on_all;
    std::function<void(const Changes&)> on_changes;
    std::function<void(std::string)> warn;
  };
  Follower(Loop& loop, World& world, std::string prefix, Calls calls);
  ~Follower();
  /// Reads everything again.
  void restart();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// 0.1 s, 0.2 s, 0.4 s ... 30 s.
class BackOff {
 public:
  Duration next() { return delay_ = std::min<Duration>(delay_ * 2, std::chrono::seconds(30)); }
  void reset() { delay_ = std::chrono::milliseconds(50); }

 private:
  Duration delay_ = std::chrono::milliseconds(50);
};

}  // namespace mgmt::world
