// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/cli/command_line.h"
#include "src/cli/graph_index.h"

namespace mgmt::cli {

/// `mgmt whose`: from the running agent, or from what the last one remembered. Throws Error.
int whose(const WhoseCommand& command);

/// What the running agent answers: all that manages a path at, below or above this clean one.
/// {"owners": [{"resource", "place", "path", "source", "purge"}]}; the last two of a tree.
std::string owners_json(const GraphIndex& index, const std::string& path);

}  // namespace mgmt::cli
