// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt pause`, `mgmt resume`: by the running agent, or for its next run. Throw Error.
int pause(const PauseCommand& command);
int resume(const ResumeCommand& command);

}  // namespace mgmt::cli
