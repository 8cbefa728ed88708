// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "src/engine/run/instance.h"
#include "src/resources/resource.h"

namespace mgmt {

/// The check and apply of an AsyncResource on their way. `resource` outlives it. Ends with one call of `done`,
/// from the loop, also when cancelled. `approve`: see Engine::Options.
struct AsyncRun {
  virtual ~AsyncRun() = default;
  virtual void cancel() = 0;
};
std::shared_ptr<AsyncRun> start_async(Loop& loop, AsyncResource& resource, Inputs inputs,
                                      std::function<std::optional<Error>(const Declaration&, const Delta&)> approve,
                                      std::move_only_function<void(Outcome)> done);

}  // namespace mgmt
