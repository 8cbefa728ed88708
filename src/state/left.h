// SPDX-License-Identifier: GPL-3.0-or-later
// What a path holds, told apart without reading it: so that what we made and have left can be known again.
#pragma once

#include <sys/stat.h>

#include <string>

namespace mgmt::state {

/// "file:<device>:<inode>:<mtime in ns>:<size>"; a folder, which changes with what is put into it, without the last
/// two.
std::string identity_of(const struct stat& status);
/// Of what is there, a symlink not followed; "" where there is nothing or it can't be looked at.
std::string identity_of(const std::string& path);

}  // namespace mgmt::state
