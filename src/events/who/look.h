// SPDX-License-Identifier: GPL-3.0-or-later
// What /proc says of a process, read at once: it may end at any time.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "src/base/process.h"

namespace mgmt::events {

/// What /proc/PID/stat says: pid, command, parent, started, and the terminal if it is in our own mount namespace or
/// init's. Empty if there is no such process.
std::optional<Process> look_at(pid_t pid);
/// The rest, but for the user's name.
void look_closer(Process& process);
/// By /etc/passwd alone: no directory service is asked, which might not answer. "" if it isn't there.
std::string local_user(uid_t uid);

/// The innermost unit in the text of /proc/PID/cgroup; "" if there is none.
std::string unit_of(std::string_view cgroup);

}  // namespace mgmt::events
