// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>

#include "src/base/fd.h"

namespace mgmt {

/// syncfs of the file system that the descriptor is on (sync of all, without one), on a thread of its own: the errno or
/// 0, or none if it isn't done within `bound`. That thread is left behind then, and as long as it hangs no other is
/// started for its device. `call` is the system call, for tests.
std::optional<int> sync_within(Fd fd, dev_t device, std::chrono::milliseconds bound,
                               const std::function<int(int)>& call = {});

}  // namespace mgmt
