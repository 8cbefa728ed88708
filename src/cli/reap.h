// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt reap`: removes what an agent made and its graph no longer mentions, if it is still as the agent left it;
/// without `yes` it only says what would go. Throws Error, so where that agent is running.
int reap(const ReapCommand& command);

}  // namespace mgmt::cli
