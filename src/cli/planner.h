// SPDX-License-Identifier: GPL-3.0-or-later
// Planner: `mgmt plan` and `mgmt apply`. A plan is made by a dry run of the Agent, in a process that can't change
// anything (confine); the one outside prints or saves what comes of it.
#pragma once

#include "src/cli/command_line.h"
#include "src/cli/graph_file.h"

namespace mgmt::cli {

/// `arguments` are the command line's, for the process inside. The exit status.
int plan(const PlanCommand& command, const std::vector<std::string>& arguments);
int apply(const ApplyCommand& command);

}  // namespace mgmt::cli
