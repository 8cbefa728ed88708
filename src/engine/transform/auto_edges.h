// SPDX-License-Identifier: GPL-3.0-or-later
// Automatic edges: what each kind says that its resources need (Kind::needs), as edges from the resources that bring
// it. Pure.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "src/resources/resource_graph.h"

namespace mgmt {

struct AutoEdges {
  std::shared_ptr<const ResourceGraph> graph;
  /// An edge that would have closed a cycle.
  struct LeftOut {
    VertexId from;
    VertexId to;
    std::string_view why;
  };
  std::vector<LeftOut> left_out;
  /// The resources below one path can be needed by many: beyond 1,000,000 edges such trees add none.
  bool too_many = false;
};

/// The graph with the automatic edges behind its own, by their receivers. A pair that has an edge, in either direction,
/// gets none. One that would close a cycle with those before it is left out, and no other. Hidden resources and those
/// with `meta: autoedge: false` take no part. Linear in graph and edges, but for the vertices on cycles.
AutoEdges add_auto_edges(const std::shared_ptr<const ResourceGraph>& base);

}  // namespace mgmt
