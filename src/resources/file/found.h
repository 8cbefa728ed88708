// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/resources/declaration.h"

namespace mgmt::file {

/// What a path holds, as a declaration that changes nothing; but for its kind, which is the caller's. Throws Error for
/// what no graph can hold.
Declaration found(const std::string& path);

}  // namespace mgmt::file
