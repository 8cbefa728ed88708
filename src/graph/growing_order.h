// SPDX-License-Identifier: GPL-3.0-or-later
// GrowingOrder: a graph without cycles that grows by edges, and refuses the one that would close a cycle. It keeps a
// topological order (Pearce and Kelly, 2006): an edge that fits costs nothing, another only what lies between its ends.
#pragma once

#include <cstdint>
#include <vector>

#include "src/graph/topology.h"

namespace mgmt {

class GrowingOrder {
 public:
  /// `base` has no cycle.
  explicit GrowingOrder(Topology base);

  /// False, and nothing is added, if the edge would close a cycle.
  bool add(VertexId from, VertexId to);

 private:
  template <class Next>
  bool collect(VertexId start, VertexId forbidden, std::vector<VertexId>& into, const Next& next);
  void reorder();

  Topology base_;
  std::vector<std::uint32_t> position_;
  std::vector<std::vector<VertexId>> out_, in_;
  // Of the present call: what comes behind `to` and before `from` in between, and who has been seen.
  std::vector<VertexId> behind_, before_, stack_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
};

}  // namespace mgmt
