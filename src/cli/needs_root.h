// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/resources/resource_graph.h"

namespace mgmt::cli {

/// "3 of 10 resources need root: file[motd] (/etc isn't writable), ...": what whoever runs this couldn't change; "" for
/// root, and where all can be. Asks the file system, changes nothing.
std::string needs_root(const ResourceGraph& graph);

}  // namespace mgmt::cli
