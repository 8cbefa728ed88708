// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/group.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

constexpr std::size_t kMostClasses = 16;

// Vertices that may run together as far as they themselves go.
using Class = std::vector<VertexId>;

std::vector<Class> find_classes(const ResourceGraph& graph) {
  std::vector<bool> alone(graph.vertices.size(), false);
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    // What goes along such an edge is for one resource.
    if (!graph.edges[e].notify && graph.edges[e].sends.empty()) continue;
    Topology::Edge ends = graph.topology.edges()[e];
    alone[ends.from] = alone[ends.to] = true;
  }
  auto before = [](const Declaration* a, const Declaration* b) {
    if (a->kind != b->kind) return a->kind->name < b->kind->name;
    return a->meta != b->meta && *a->meta < *b->meta;
  };
  std::map<const Declaration*, Class, decltype(before)> classes(before);
  for (VertexId v = 0; v < graph.vertices.size(); ++v) {
    const Declaration& declaration = *graph.vertices[v];
    if (declaration.kind->groups && declaration.meta->autogroup && !declaration.hidden() && !alone[v])
      classes[&declaration].push_back(v);
  }
  std::vector<Class> found;
  for (auto& [representative, members] : classes)
    if (members.size() > 1) found.push_back(std::move(members));
  std::ranges::sort(found, {},
                    [](const Class& c) { return std::pair(-static_cast<std::int64_t>(c.size()), c.front()); });
  if (found.size() > kMostClasses) found.resize(kMostClasses);
  return found;
}

// How many members are on the longest path to each vertex, itself included. It grows from a member to whatever can be
// reached from it, so members with the same number can't reach each other; nor can they once they are one, as
// every path leads to a larger number.
std::vector<std::uint32_t> layers(const Topology& topology, const std::vector<bool>& is_member) {
  std::vector<std::uint32_t> layer(topology.size(), 0);
  for (VertexId v : topology.topological_order()) {
    if (is_member[v]) ++layer[v];
    for (VertexId next : topology.successors(v)) layer[next] = std::max(layer[next], layer[v]);
  }
  return layer;
}

Topology contracted(const Topology& topology, const std::vector<VertexId>& to, std::size_t size) {
  std::vector<Topology::Edge> edges = topology.edges();
  for (Topology::Edge& edge : edges) edge = {to[edge.from], to[edge.to]};
  auto both = [](const Topology::Edge& edge) { return std::pair(edge.from, edge.to); };
  std::ranges::sort(edges, {}, both);
  edges.erase(std::ranges::unique(edges, {}, both).begin(), edges.end());
  return {size, std::move(edges)};
}

// Makes one vertex of the members of each layer.
void contract(const Class& members, Groups& groups) {
  const Topology& topology = groups.topology;
  std::vector<bool> is_member(topology.size(), false);
  for (VertexId v : members) is_member[groups.of[v]] = true;
  std::vector<std::uint32_t> layer = layers(topology, is_member);

  constexpr VertexId kNone = UINT32_MAX;
  std::vector<VertexId> of_layer(topology.size() + 1, kNone), to(topology.size());
  VertexId size = 0;
  for (VertexId v = 0; v < topology.size(); ++v) {
    if (!is_member[v]) {
      to[v] = size++;
    } else {
      VertexId& group = of_layer[layer[v]];
      if (group == kNone) group = size++;
      to[v] = group;
    }
  }
  if (size == topology.size()) return;
  groups.topology = contracted(topology, to, size);
  for (VertexId& of : groups.of) of = to[of];
}

}  // namespace

std::shared_ptr<const Groups> find_groups(const ResourceGraph& graph) {
  std::vector<Class> classes = find_classes(graph);
  if (classes.empty()) return nullptr;
  auto groups = std::make_shared<Groups>();
  groups->topology = graph.topology;
  groups->of.resize(graph.vertices.size());
  for (VertexId v = 0; v < groups->of.size(); ++v) groups->of[v] = v;
  for (const Class& members : classes) contract(members, *groups);
  if (groups->topology.size() == graph.vertices.size()) return nullptr;
  return groups;
}

}  // namespace mgmt
