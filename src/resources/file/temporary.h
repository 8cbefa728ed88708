// SPDX-License-Identifier: GPL-3.0-or-later
// The names of files that are being written, `.mgmt-<system>-<pid>-<start>-<number>~`, and the removal of
// those that a killed process left behind. The name tells whether its writer still lives; cron, run-parts,
// sudo and systemd all pass over it. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace mgmt::file {

/// Appends a name that this process hasn't used yet.
void append_temporary_name(std::string& to);

/// True for such a name, whoever made it.
bool is_temporary_name(std::string_view name);

/// Removes what dead writers left in the folder of `path`; once a folder in the life of the process, so that
/// ten thousand files of one folder cost one look.
void sweep_folder_of(std::string_view path);

}  // namespace mgmt::file
