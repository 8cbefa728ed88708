// SPDX-License-Identifier: GPL-3.0-or-later
// Sync: what a swap from one graph to the next keeps, changes, adds and removes. Pure.
#pragma once

#include <vector>

#include "src/resources/resource_graph.h"

namespace mgmt {

struct SyncPlan {
  static constexpr VertexId kNone = UINT32_MAX;
  struct Match {
    /// The vertex of the old graph with the same identity, kNone if there was none.
    VertexId old = kNone;
    /// Its declaration has the same effect: it goes on untouched.
    bool same = false;
  };
  /// One for each vertex of the new graph.
  std::vector<Match> matches;
  /// Vertices of the old graph that the new one doesn't have.
  std::vector<VertexId> removed;
  std::size_t kept = 0, changed = 0, added = 0;
};

/// Linear in the size of both graphs. The identity is kind, name, origin, whether it is hidden, and then
/// for which hosts.
SyncPlan plan_sync(const ResourceGraph& before, const ResourceGraph& after);

}  // namespace mgmt
