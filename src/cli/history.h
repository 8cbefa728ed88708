// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt history`: what is written in the agent's file, the newest last. Throws Error.
int show_history(const HistoryCommand& command);

}  // namespace mgmt::cli
