// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt restore`: brings back what was at a path before mgmt overwrote or removed it; without a path it lists what is
/// kept. Throws Error.
int restore(const RestoreCommand& command);

}  // namespace mgmt::cli
