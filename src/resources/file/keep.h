// SPDX-License-Identifier: GPL-3.0-or-later
// What a file that is replaced keeps beside owner and mode: its extended attributes and its access list.
#pragma once

#include <sys/types.h>

#include <string>

namespace mgmt::file {

/// Gives the open file `to` the attributes of `from`, all but its capabilities, which were for the old content; `mode`
/// is what `to` will have, and no entry of an access list is wider than it even for a moment. Throws Error if one can't
/// be kept.
void keep_attributes(int from, int to, mode_t mode, const std::string& shown);

}  // namespace mgmt::file
