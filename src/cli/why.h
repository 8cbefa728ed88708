// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt why KIND[NAME]`: what it is doing now (if an agent runs), what was done to it last, what led to that, and what
/// followed from it. Throws Error.
int show_why(const WhyCommand& command);

}  // namespace mgmt::cli
