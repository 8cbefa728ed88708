// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "src/graph/topology.h"

namespace mgmt {

struct CriticalPath {
  /// The vertices of the longest chain, first to last.
  std::vector<VertexId> path;
  double seconds = 0;
  /// What one after the other would have taken.
  double serial = 0;
};

/// `seconds` is what each vertex took. No run can be shorter than its critical path, however parallel.
CriticalPath critical_path(const Topology& topology, std::span<const float> seconds);

}  // namespace mgmt
