// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "src/async/process.h"
#include "src/resources/exec/account.h"
#include "src/resources/exec/params.h"
#include "src/resources/resource.h"

namespace mgmt::exec {

/// One of the resource's commands, ready to be started: arguments, environment, user.
Command make_command(const Declaration& declaration, const CommandParams& which, const Account& account);

/// A command for a message: one line, not too long.
std::string shown(std::string_view command);

/// "`ls /x` ended with status 2".
std::string ending_text(std::string_view command, const Ending& ending);

}  // namespace mgmt::exec
