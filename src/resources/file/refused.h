// SPDX-License-Identifier: GPL-3.0-or-later
// Why the kernel says no where its own word for it doesn't tell.
#pragma once

#include <string>

#include "src/base/error.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

/// The Error of a system call that failed with `failure` on what is at the spot, or on its folder. `chattr` makes files
/// that not even root can change, and all that is said of that is EPERM.
Error refused(int failure, const std::string& doing, const Spot& spot);

}  // namespace mgmt::file
