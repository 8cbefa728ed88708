// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/resources/resource_graph.h"

namespace mgmt {

/// The graph as Graphviz text: exported vertices dashed, edges that notify drawn bold and named so, automatic ones
/// dashed and gray, a box around each group.
std::string to_dot(const ResourceGraph& graph);

}  // namespace mgmt
