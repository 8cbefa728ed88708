// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/graph/topology.h"

#include <algorithm>

namespace mgmt {

Topology::Topology(std::size_t vertices, std::vector<Edge> edges) : size_(vertices), edges_(std::move(edges)) {
  // Counting sort by end: linear, and stable in the order of the edges.
  auto fill = [&](std::vector<VertexId>& ids, std::vector<std::uint32_t>& start, auto key, auto value) {
    start.assign(size_ + 1, 0);
    for (const Edge& edge : edges_) ++start[key(edge) + 1];
    for (std::size_t i = 0; i < size_; ++i) start[i + 1] += start[i];
    ids.resize(edges_.size());
    std::vector<std::uint32_t> next(start.begin(), start.end() - 1);
    for (const Edge& edge : edges_) ids[next[key(edge)]++] = value(edge);
  };
  fill(out_, out_start_, [](const Edge& e) { return e.from; }, [](const Edge& e) { return e.to; });
  fill(in_, in_start_, [](const Edge& e) { return e.to; }, [](const Edge& e) { return e.from; });
}

std::vector<VertexId> Topology::topological_order() const {
  std::vector<std::uint32_t> waiting(size_);
  std::vector<VertexId> order;
  order.reserve(size_);
  for (VertexId v = 0; v < size_; ++v) {
    waiting[v] = static_cast<std::uint32_t>(predecessors(v).size());
    if (waiting[v] == 0) order.push_back(v);
  }
  for (std::size_t next = 0; next < order.size(); ++next)
    for (VertexId successor : successors(order[next]))
      if (--waiting[successor] == 0) order.push_back(successor);
  return order;
}

std::optional<std::vector<VertexId>> Topology::find_cycle() const {
  std::vector<VertexId> order = topological_order();
  if (order.size() == size_) return std::nullopt;
  std::vector<bool> done(size_, false);
  for (VertexId v : order) done[v] = true;
  // What is left has a predecessor that is left: walking backwards must come round.
  VertexId at = 0;
  while (done[at]) ++at;
  std::vector<VertexId> path;
  std::vector<std::uint32_t> position(size_, UINT32_MAX);
  while (position[at] == UINT32_MAX) {
    position[at] = static_cast<std::uint32_t>(path.size());
    path.push_back(at);
    at = *std::ranges::find_if(predecessors(at), [&](VertexId p) { return !done[p]; });
  }
  std::vector<VertexId> cycle(path.begin() + position[at], path.end());
  std::ranges::reverse(cycle);
  // Begin at the smallest, so that the same graph prints the same cycle.
  std::ranges::rotate(cycle, std::ranges::min_element(cycle));
  return cycle;
}

// Tarjan's, with a stack of its own: a chain may be as long as the graph.
std::vector<std::uint32_t> Topology::components() const {
  constexpr std::uint32_t kUnseen = UINT32_MAX;
  std::vector<std::uint32_t> component(size_, kUnseen), index(size_, kUnseen), low(size_);
  struct Frame {
    VertexId vertex;
    std::uint32_t next;  // of its successors
  };
  std::vector<Frame> frames;
  std::vector<VertexId> open;
  std::uint32_t seen = 0, found = 0;
  auto enter = [&](VertexId v) {
    index[v] = low[v] = seen++;
    open.push_back(v);
    frames.push_back({v, 0});
  };
  for (VertexId root = 0; root < size_; ++root) {
    if (index[root] == kUnseen) enter(root);
    while (!frames.empty()) {
      auto& [v, next] = frames.back();
      if (next < successors(v).size()) {
        VertexId to = successors(v)[next++];
        if (index[to] == kUnseen) enter(to);
        else if (component[to] == kUnseen) low[v] = std::min(low[v], index[to]);
        continue;
      }
      VertexId done = v;
      frames.pop_back();
      if (!frames.empty()) low[frames.back().vertex] = std::min(low[frames.back().vertex], low[done]);
      if (low[done] != index[done]) continue;
      VertexId member;
      do {
        member = open.back();
        open.pop_back();
        component[member] = found;
      } while (member != done);
      ++found;
    }
  }
  return component;
}

}  // namespace mgmt
