// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/base/error.h"
#include "src/state/rows.h"

namespace mgmt::cli {

/// "90s", "15m", "2h", "3d", "1w": so long before `now`; "2026-11-24", "2026-11-24T03:50", "... 03:50:37": local time,
/// or UTC with a `Z` behind it. An Error says what can be written.
Result<state::Time> parse_since(const std::string& text, state::Time now);

}  // namespace mgmt::cli
