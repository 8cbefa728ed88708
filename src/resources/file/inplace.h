// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/resources/file/write.h"

namespace mgmt::file {

/// Writes `bytes` into the regular file that is there, and sets its attributes: for what can't be renamed over, such as
/// a mount point. Not whole or nothing: who reads it meanwhile, and what is left after a crash, may be a part of each.
/// Room for it is taken before the first byte is. Errors and Raced as in write.h.
struct stat write_in_place(const Spot& spot, Bytes& bytes, const Attributes& attributes, const Found& found);

}  // namespace mgmt::file
