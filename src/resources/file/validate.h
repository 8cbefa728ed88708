// SPDX-License-Identifier: GPL-3.0-or-later
// What `validate` of a file runs on it before it takes its place. Blocks; any thread but the loop's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/value/value.h"

namespace mgmt::file {

/// Whether the word has a `%` that stands for the file's path.
bool names_staged_file(std::string_view word);

/// What may be shown of a content, in words of others about it too.
enum class Shows : std::uint8_t {
  All,
  /// Lines and longer words of it are made `***`.
  Masked,
  Nothing,
};

/// Runs the command `words` on the file at `staged`, which is to be `shown`. Throws Error if it fails, with the last
/// of what it printed.
void validate_staged(const List& words, const std::string& staged, const std::string& shown, Shows shows);

}  // namespace mgmt::file
