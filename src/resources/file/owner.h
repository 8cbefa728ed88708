// SPDX-License-Identifier: GPL-3.0-or-later
// Users and groups by name or number. Answers of the name service are kept for a second, so that ten thousand
// files of one owner ask once. May block. Any thread.
#pragma once

#include <sys/types.h>

#include <string>

namespace mgmt::file {

/// Throws Error where there is no such user, group.
uid_t user_id(const std::string& name);
gid_t group_id(const std::string& name);

/// The name, or the number where it has none.
std::string user_name(uid_t id);
std::string group_name(gid_t id);

/// The next question is asked anew: users or groups have changed.
void forget_names();
/// Whether these name whom this process runs as, and a group that it is in: what a file may be given to without root.
bool is_own_user(const std::string& name);
bool is_own_group(const std::string& name);

}  // namespace mgmt::file
