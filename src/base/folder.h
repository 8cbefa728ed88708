// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace mgmt {

/// A folder for mgmt's own files: created (0700) with its parents if missing; throws Error where it can't be, or isn't
/// only ours.
void ensure_private_folder(const std::string& path);

}  // namespace mgmt
