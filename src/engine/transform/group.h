// SPDX-License-Identifier: GPL-3.0-or-later
// Automatic grouping: which resources of one kind (Kind::groups) can run as one. Pure.
#pragma once

#include <memory>

#include "src/resources/resource_graph.h"

namespace mgmt {

/// Null if nothing can be grouped. Two are in one group only if neither can be reached from the other, their kind and
/// meta parameters are the same, and neither is hidden, sends, receives, notifies, is notified or says `meta:
/// autogroup: false`. Then the graph of groups has no cycle. A class of equal kind and meta costs one pass over
/// the graph: the 16 largest are grouped.
std::shared_ptr<const Groups> find_groups(const ResourceGraph& graph);

}  // namespace mgmt
