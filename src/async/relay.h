// SPDX-License-Identifier: GPL-3.0-or-later
// relay: lets a command outlive whoever reads what it prints. Its output goes through a process of ours that reads on
// (and drops) when nobody takes it any more, so that the command isn't killed by SIGPIPE nor stuck in a full pipe.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "src/async/process.h"

namespace mgmt::relay {

/// `mgmt --relay COMMAND...`: becomes the command, and leaves the relay behind; that ends when nobody prints any more.
/// Returns only where it can't: the exit status, and why on stderr.
int run_as_program(const std::vector<std::string>& argv);

/// How that says that the command could not be started: killed by it.
constexpr int kNotStartedSignal = SIGUSR2;

/// Makes `command` run so. Left as it is where this program is no mgmt (a test).
bool wrap(Command& command);
/// From main(): this program understands --relay.
void offer();

}  // namespace mgmt::relay
