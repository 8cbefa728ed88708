// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/undo.h"

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::optional<std::string> path_of(const Declaration& declaration) {
  if (!declaration.kind->managed_path || declaration.hidden()) return std::nullopt;
  return declaration.kind->managed_path(declaration);
}

}  // namespace

Undone add_undoings(const std::shared_ptr<const ResourceGraph>& base, std::span<const Undoing> undoings) {
  Undone result{base, {}};
  if (undoings.empty()) return result;
  std::unordered_map<std::string, const Declaration*> declared;
  std::unordered_set<std::string> paths;
  for (const auto& declaration : base->vertices) {
    declared.emplace(declaration->id(), declaration.get());
    if (auto path = path_of(*declaration)) paths.insert(std::move(*path));
  }
  std::vector<std::shared_ptr<const Declaration>> added;
  for (const Undoing& undoing : undoings) {
    std::optional<std::string> path = path_of(*undoing.declaration);
    auto still = declared.find(undoing.id);
    bool is_declared = still != declared.end();
    if (is_declared && still->second->meta->reverse && (!path || path == path_of(*still->second))) continue;
    if ((is_declared && !still->second->meta->reverse) || (path && paths.contains(*path))) {
      result.superseded.push_back(undoing.id);
      continue;
    }
    auto one = undoing.declaration;
    if (is_declared) {
      // Of the same name, for another path: both are in the graph now.
      auto renamed = std::make_shared<Declaration>(*one);
      renamed->name += " (undone)";
      one = std::move(renamed);
    }
    added.push_back(std::move(one));
  }
  if (added.empty()) return result;
  auto graph = std::make_shared<ResourceGraph>(*base);
  std::vector<Topology::Edge> edges = base->topology.edges();
  for (std::size_t i = added.size(); i-- > 0;) {
    auto vertex = static_cast<VertexId>(graph->vertices.size());
    if (i + 1 < added.size()) {
      edges.push_back({vertex - 1, vertex});
      graph->edges.push_back({.name = "undone in turn", .why = "what was made last is undone first"});
    }
    graph->vertices.push_back(std::move(added[i]));
  }
  graph->topology = Topology(graph->vertices.size(), std::move(edges));
  result.graph = std::move(graph);
  return result;
}

}  // namespace mgmt
