// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "src/base/fd.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

/// Opens a folder to be read, never through a symlink. Throws Error; Raced where there is none (any more).
Fd open_folder(const Spot& spot);

/// The names in an open folder, sorted; stops after `limit` of them. Throws Error naming `shown`.
std::vector<std::string> entries_of(int folder, const std::string& shown, std::size_t limit = SIZE_MAX);

}  // namespace mgmt::file
