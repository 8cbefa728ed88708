// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "src/base/error.h"

namespace mgmt {

/// A folder for mgmt's own files: created (0700) with its parents if missing; throws Error where it can't be, or isn't
/// only ours.
void ensure_private_folder(const std::string& path);

/// For root: why what is under this folder of mgmt's can't be trusted, if it is there; with what to write.
std::optional<Error> loose_folder(const std::string& path);

}  // namespace mgmt
