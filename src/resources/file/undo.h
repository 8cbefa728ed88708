// SPDX-License-Identifier: GPL-3.0-or-later
// What brings back what a file resource with `meta: reverse` found.
#pragma once

#include <optional>
#include <string>

#include "src/base/error.h"
#include "src/resources/declaration.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

/// Why what it declares can't be undone, as Kind::cannot_undo.
std::optional<Error> cannot_undo(const Declaration& declaration);

/// Declares what is at the spot of `declaration` now: of what that changes. Throws Error where it is
/// more than is kept (a file of over 512 KiB, a folder in the way).
Declaration undo_of(const Declaration& declaration, const Spot& spot);

}  // namespace mgmt::file
