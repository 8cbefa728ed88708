// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace mgmt {

/// A text of a file as it can stand in a message: escaped, and cut if it is long.
std::string shown(std::string_view text);

}  // namespace mgmt
