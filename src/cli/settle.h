// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt settle`: 0, 4 or 7. Throws Error where there is no agent, or it ends meanwhile.
int settle(const SettleCommand& command);

}  // namespace mgmt::cli
