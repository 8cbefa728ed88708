// SPDX-License-Identifier: GPL-3.0-or-later
// Undoing what has left the graph (`meta: reverse`). Pure.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/resources/resource_graph.h"

namespace mgmt {

/// What undoes one resource that was in a graph.
struct Undoing {
  /// Declaration::id() of that resource.
  std::string id;
  /// Its Declaration::undoes is that id.
  std::shared_ptr<const Declaration> declaration;
};

struct Undone {
  /// With those as vertices whose resource it doesn't declare any more; each after the next one, so that what was made
  /// last goes first. `base` where there are none.
  std::shared_ptr<const ResourceGraph> graph;
  /// Ids of those that are not to be carried out any more: the graph says otherwise now what their path holds, or
  /// doesn't ask for it.
  std::vector<std::string> superseded;
};

/// `undoings` in the order in which their resources first changed something.
Undone add_undoings(const std::shared_ptr<const ResourceGraph>& base, std::span<const Undoing> undoings);

}  // namespace mgmt
