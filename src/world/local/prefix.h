// SPDX-License-Identifier: GPL-3.0-or-later
// The folder where an agent keeps what outlives it.
#pragma once

#include <string>

namespace mgmt::world::local {

/// $STATE_DIRECTORY if set (systemd); for root /var/lib/mgmt; else $XDG_STATE_HOME/mgmt or ~/.local/state/mgmt.
/// Only a name: nothing is created. Throws Error where there is neither.
std::string default_prefix();

/// The folder `<prefix>/db` (0700), created with its parents if missing; throws Error where it can't be, or
/// isn't only ours.
std::string ensure_db_folder(const std::string& prefix);

/// True once some agent has shared something under this prefix. Opens nothing.
bool has_store(const std::string& prefix);

}  // namespace mgmt::world::local
