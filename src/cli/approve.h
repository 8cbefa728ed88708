// SPDX-License-Identifier: GPL-3.0-or-later
// `mgmt approve`: says yes to what a running agent waits with.
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

int approve(const ApproveCommand& command);

}  // namespace mgmt::cli
