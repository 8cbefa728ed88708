// SPDX-License-Identifier: GPL-3.0-or-later
// The conformance suite: what every World has to do, whatever stands behind it. An implementation's test
// links conformance.cc and says:
//
//   INSTANTIATE_TEST_SUITE_P(Local, Conformance, testing::Values([] { return std::make_unique<LocalBackend>(); }));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "src/async/loop.h"
#include "src/world/world.h"

namespace mgmt::world {

/// One store, empty at first, and ways to make happen what is hard to wait for. Opened by several processes:
/// the suite forks before it opens anything itself.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::unique_ptr<World> open(Loop& loop) = 0;
  /// The next commit of this world is Unknown, and hasn't happened / has happened.
  virtual void lose_request(World& world) = 0;
  virtual void lose_reply(World& world) = 0;
  /// Forgets what was before the present revision.
  virtual void compact(World& world, std::move_only_function<void()> done) = 0;
  /// Nobody has it open: the store comes back from a copy, which begins a new epoch.
  virtual void restore() = 0;
  /// Nobody has it open: what is wrong with the store's files, "" if nothing.
  virtual std::string damage() = 0;
};

class Conformance : public testing::TestWithParam<std::function<std::unique_ptr<Backend>()>> {
 protected:
  std::unique_ptr<Backend> backend_ = GetParam()();
};

}  // namespace mgmt::world
