// SPDX-License-Identifier: GPL-3.0-or-later
// What is there, in words and as a Change.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "src/base/fd.h"
#include "src/resources/file/bytes.h"
#include "src/resources/file/remove.h"
#include "src/value/delta.h"

namespace mgmt::file {

/// "a folder", "a symlink", "a FIFO": for a sentence.
std::string describe_type(mode_t mode);
/// "folder", "symlink": for a Change.
const char* type_word(mode_t mode);

/// What a symlink points to. Throws Error; Raced if it is none (any more).
std::string read_link(const Spot& spot);

/// Opens a regular file to be read; a FIFO doesn't hold it up. Throws Error; Raced if it is gone or is something else.
Fd open_file(const Spot& spot);

/// What of a content a Change is to carry for those who show it.
enum class Text : std::uint8_t {
  /// Nobody shows it.
  None,
  /// Sizes and numbers of lines.
  Counts,
  /// All of it, if it is short and no binary.
  All,
};

/// The change of a content. `now` is the open file, -1 where there is none. Reads both whole, for their sums.
Change content_change(int now, const std::string& shown, Bytes& wanted, Text text);

/// What `show_diff` says, and without it who may read the file: `before` (0 where nothing is) and `after` are its
/// permissions.
Text text_of(std::optional<bool> show_diff, const std::string& path, std::optional<mode_t> before, mode_t after);

}  // namespace mgmt::file
