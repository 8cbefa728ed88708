// SPDX-License-Identifier: GPL-3.0-or-later
// Retry: when what failed is tried again by itself. Pure: chance comes in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "src/resources/meta.h"

namespace mgmt {

inline constexpr std::chrono::milliseconds kFirstRetry{250};
inline constexpr std::chrono::milliseconds kLongestRetry{60'000};

/// How long to wait before the next try, if there is one, after `used` retries. Without `delay` it grows by
/// doubling, and is spread by up to a quarter either way, so that a thousand hosts don't come back at once:
/// `chance` in [0, 1). What passes by itself is tried for ever.
std::optional<std::chrono::milliseconds> retry_wait(const Meta& meta, std::uint32_t used, double chance,
                                                    bool passes = false);

/// A success gives all retries back.
inline bool success_resets_retries(const Meta& meta) { return !meta.retry || meta.retryreset; }

}  // namespace mgmt
