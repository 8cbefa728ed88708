// SPDX-License-Identifier: GPL-3.0-or-later
// What differs of one entry beside its content, as changes of a Delta.
#pragma once

#include <sys/stat.h>

#include <string>

#include "src/resources/file/write.h"
#include "src/value/delta.h"

namespace mgmt::file {

/// Appends owner, group and mode where they differ; `now` is null for what is to be made. Where the content changes,
/// set-id bits that aren't declared go, which is a change of the mode.
void compare_attributes(const Attributes& attributes, const struct stat* now, Content content, const std::string& item,
                        Delta& delta);

/// Appends what a file that is open as `fd` loses with its content: capabilities, and, unless it is written in place,
/// the other names it has, with a warning.
void compare_losses(int fd, const struct stat& now, const std::string& shown, const std::string& item, bool in_place,
                    Delta& delta);

}  // namespace mgmt::file
