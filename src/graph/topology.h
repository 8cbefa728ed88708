// SPDX-License-Identifier: GPL-3.0-or-later
// Topology: the shape of a graph, numbers only. Vertices are 0..size-1; adjacency is two flat arrays in
// each direction, so that walking a vertex's neighbours is one contiguous read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mgmt {

using VertexId = std::uint32_t;
using EdgeId = std::uint32_t;

class Topology {
 public:
  struct Edge {
    VertexId from;
    VertexId to;
  };

  Topology() = default;
  /// Both ends of each edge are below `vertices`. Parallel edges are allowed.
  Topology(std::size_t vertices, std::vector<Edge> edges);

  std::size_t size() const { return size_; }
  const std::vector<Edge>& edges() const { return edges_; }
  std::span<const VertexId> successors(VertexId vertex) const { return slice(out_, out_start_, vertex); }
  std::span<const VertexId> predecessors(VertexId vertex) const { return slice(in_, in_start_, vertex); }

  /// One cycle, as the vertices along it (the first is not repeated), if there is any.
  std::optional<std::vector<VertexId>> find_cycle() const;

  /// For each vertex the number of its strongly connected component: two have the same if each can be reached from the
  /// other. A vertex on no cycle is alone in its own. Numbers are below size().
  std::vector<std::uint32_t> components() const;

  /// Predecessors first. Only for a graph without cycles.
  std::vector<VertexId> topological_order() const;

 private:
  static std::span<const VertexId> slice(const std::vector<VertexId>& ids, const std::vector<std::uint32_t>& start,
                                         VertexId vertex) {
    return {ids.data() + start[vertex], ids.data() + start[vertex + 1]};
  }

  std::size_t size_ = 0;
  std::vector<Edge> edges_;
  std::vector<VertexId> out_, in_;
  std::vector<std::uint32_t> out_start_{0}, in_start_{0};
};

}  // namespace mgmt
