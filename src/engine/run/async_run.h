// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "src/engine/run/instance.h"
#include "src/resources/resource.h"

namespace mgmt {

/// Called between a check that found something and the apply: which begins when the callback is called, unless with an
/// Error, which then is the outcome.
using BeforeApply = std::move_only_function<void(std::move_only_function<void(Result<void>)>)>;

/// The check and apply of an AsyncResource on their way. `resource` outlives it. Ends with one call of `done`,
/// from the loop, also when cancelled. `approve`: see Engine::Options. `before_apply` may be empty.
struct AsyncRun {
  virtual ~AsyncRun() = default;
  virtual void cancel() = 0;
};
std::shared_ptr<AsyncRun> start_async(Loop& loop, AsyncResource& resource, Inputs inputs,
                                      std::function<std::optional<Error>(const Declaration&, const Delta&)> approve,
                                      BeforeApply before_apply, std::move_only_function<void(Outcome)> done);

}  // namespace mgmt
