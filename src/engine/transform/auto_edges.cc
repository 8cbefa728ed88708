// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/auto_edges.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <string>

#include "src/graph/growing_order.h"
#include "src/resources/kind.h"

namespace mgmt {
namespace {

constexpr std::size_t kMostTreeEdges = 1'000'000;

struct Found {
  VertexId from;
  VertexId to;
  std::string_view why;
};

bool takes_part(const Declaration& declaration) { return !declaration.hidden() && declaration.meta->autoedge; }

bool removes_path(const Declaration& declaration) {
  return declaration.kind->removes_path && declaration.kind->removes_path(declaration);
}

// Who manages which path. Borrows nothing.
class Managers {
 public:
  explicit Managers(const ResourceGraph& graph) : graph_(graph) {
    for (VertexId v = 0; v < graph.vertices.size(); ++v) {
      const Declaration& declaration = *graph.vertices[v];
      if (!declaration.kind->managed_path || !takes_part(declaration)) continue;
      if (auto path = declaration.kind->managed_path(declaration)) by_path_.emplace(std::move(*path), v);
    }
  }

  /// Of the path, or of the nearest folder above it; `self` doesn't count.
  const VertexId* nearest(std::string_view path, VertexId self) const {
    while (!by_path_.empty() && path.starts_with('/')) {
      if (auto at = by_path_.find(path); at != by_path_.end() && at->second != self) return &at->second;
      if (path == "/") break;
      path = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    }
    return nullptr;
  }

  /// Of everything below a folder.
  template <class F>
  void each_below(const std::string& folder, F&& call) {
    if (sorted_.empty() && !by_path_.empty()) {
      for (const auto& [path, vertex] : by_path_) sorted_.emplace_back(path, vertex);
      std::ranges::sort(sorted_);
    }
    std::string prefix = folder == "/" ? folder : folder + "/";
    auto at = std::ranges::lower_bound(sorted_, std::string_view(prefix), {}, &Entry::first);
    for (; at != sorted_.end() && at->first.starts_with(prefix); ++at) call(at->second);
  }

  /// The resource `kind[name]` of this host.
  const VertexId* resource(std::string_view kind, const std::string& name) {
    if (by_name_.empty()) {
      for (VertexId v = 0; v < graph_.vertices.size(); ++v) {
        const Declaration& declaration = *graph_.vertices[v];
        if (takes_part(declaration))
          by_name_.emplace(std::pair(declaration.kind->name, std::string_view(declaration.name)), v);
      }
    }
    auto at = by_name_.find(std::pair(kind, std::string_view(name)));
    return at == by_name_.end() ? nullptr : &at->second;
  }

 private:
  using Entry = std::pair<std::string_view, VertexId>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  const ResourceGraph& graph_;
  boost::unordered_flat_map<std::string, VertexId, Hash, std::equal_to<>> by_path_;
  // Made when first asked for.
  std::vector<Entry> sorted_;
  boost::unordered_flat_map<std::pair<std::string_view, std::string_view>, VertexId> by_name_;
};

// The edges that the kinds ask for, each pair once, by receiver and need.
std::vector<Found> find_edges(const ResourceGraph& graph, bool& too_many) {
  std::vector<Found> found;
  Managers managers(graph);
  // The last vertex that each had an edge with: one pass over the neighbours instead of a set of pairs.
  std::vector<VertexId> met(graph.vertices.size(), UINT32_MAX);
  std::vector<Need> needs;
  std::size_t of_trees = 0;
  for (VertexId v = 0; v < graph.vertices.size(); ++v) {
    const Declaration& declaration = *graph.vertices[v];
    if (!declaration.kind->needs || !takes_part(declaration)) continue;
    needs.clear();
    declaration.kind->needs(declaration, needs);
    met[v] = v;
    for (const auto& all : {graph.topology.predecessors(v), graph.topology.successors(v)})
      for (VertexId neighbour : all) met[neighbour] = v;
    bool removes = removes_path(declaration);
    auto add = [&](VertexId from, std::string_view why) {
      bool from_removes = removes_path(*graph.vertices[from]);
      // What goes away brings nothing, and what goes with it goes first.
      if ((from_removes && !removes) || met[from] == v) return false;
      met[from] = v;
      if (from_removes) found.push_back({v, from, "it removes the folder that this lies in"});
      else found.push_back({from, v, why});
      return true;
    };
    for (const Need& need : needs) {
      const VertexId* from =
          need.what == Need::What::Resource ? managers.resource(need.kind, need.name) : managers.nearest(need.name, v);
      if (from) add(*from, need.why);
      if (need.what != Need::What::Tree) continue;
      if (of_trees >= kMostTreeEdges) too_many = true;
      else managers.each_below(need.name, [&](VertexId below) { of_trees += add(below, need.why) ? 1 : 0; });
    }
  }
  return found;
}

std::vector<Topology::Edge> joined(const ResourceGraph& graph, const std::vector<Found>& found) {
  std::vector<Topology::Edge> edges = graph.topology.edges();
  edges.reserve(edges.size() + found.size());
  for (const Found& edge : found) edges.push_back({edge.from, edge.to});
  return edges;
}

// Takes out of `found` what closes a cycle. Only edges within a strongly connected component can.
std::vector<AutoEdges::LeftOut> leave_out(const ResourceGraph& graph, const Topology& all, std::vector<Found>& found) {
  std::vector<std::uint32_t> component = all.components();
  std::vector<std::uint32_t> size(all.size());
  for (std::uint32_t c : component) ++size[c];
  auto on_cycle = [&](VertexId from, VertexId to) {
    return component[from] == component[to] && size[component[from]] > 1;
  };
  // The vertices of such components, numbered anew.
  std::vector<VertexId> number(all.size());
  VertexId count = 0;
  for (VertexId v = 0; v < all.size(); ++v)
    if (size[component[v]] > 1) number[v] = count++;
  std::vector<Topology::Edge> own;
  for (const Topology::Edge& edge : graph.topology.edges())
    if (on_cycle(edge.from, edge.to)) own.push_back({number[edge.from], number[edge.to]});

  GrowingOrder order(Topology(count, std::move(own)));
  std::vector<AutoEdges::LeftOut> left_out;
  std::erase_if(found, [&](const Found& edge) {
    if (!on_cycle(edge.from, edge.to) || order.add(number[edge.from], number[edge.to])) return false;
    left_out.push_back({edge.from, edge.to, edge.why});
    return true;
  });
  return left_out;
}

}  // namespace

AutoEdges add_auto_edges(const std::shared_ptr<const ResourceGraph>& base) {
  AutoEdges result{.graph = base};
  std::vector<Found> found = find_edges(*base, result.too_many);
  if (found.empty()) return result;
  Topology topology(base->vertices.size(), joined(*base, found));
  if (topology.topological_order().size() < topology.size()) {
    result.left_out = leave_out(*base, topology, found);
    topology = Topology(base->vertices.size(), joined(*base, found));
  }
  auto graph = std::make_shared<ResourceGraph>(*base);
  graph->topology = std::move(topology);
  graph->edges.reserve(graph->edges.size() + found.size());
  for (const Found& edge : found) graph->edges.push_back({.name = {}, .why = edge.why});
  result.graph = std::move(graph);
  return result;
}

}  // namespace mgmt
