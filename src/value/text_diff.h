// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace mgmt {

/// A unified diff (three lines of context) of two texts, without the file header; control characters
/// escaped, at most `max_lines` lines, then one that says how many are left out. "" if equal; a line that
/// says so where one is binary (has a NUL byte). Cost is bounded: very different texts fall back to all
/// lines out, all lines in. Algorithm: Myers, "An O(ND) Difference Algorithm" (1986), D limited.
std::string unified_diff(std::string_view before, std::string_view after, std::size_t max_lines = 200);

}  // namespace mgmt
