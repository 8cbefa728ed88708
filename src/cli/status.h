// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt status`: what a running agent says of itself, or what it made and no longer declares. Throws Error.
int show_status(const StatusCommand& command);
/// `mgmt graph --running`: the running graph as dot text. Throws Error.
int show_running_graph(const GraphCommand& command);

}  // namespace mgmt::cli
