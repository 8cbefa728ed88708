// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/run/critical_path.h"

#include <algorithm>

namespace mgmt {

CriticalPath critical_path(const Topology& topology, std::span<const float> seconds) {
  constexpr VertexId kNone = UINT32_MAX;
  std::vector<double> end(topology.size(), 0);
  std::vector<VertexId> from(topology.size(), kNone);
  CriticalPath result;
  VertexId last = kNone;
  for (VertexId v : topology.topological_order()) {
    for (VertexId p : topology.predecessors(v)) {
      if (from[v] == kNone || end[p] > end[from[v]]) from[v] = p;
    }
    end[v] = static_cast<double>(seconds[v]) + (from[v] == kNone ? 0 : end[from[v]]);
    result.serial += static_cast<double>(seconds[v]);
    if (last == kNone || end[v] > end[last]) last = v;
  }
  if (last == kNone) return result;
  result.seconds = end[last];
  for (VertexId v = last; v != kNone; v = from[v]) result.path.push_back(v);
  std::ranges::reverse(result.path);
  return result;
}

}  // namespace mgmt
