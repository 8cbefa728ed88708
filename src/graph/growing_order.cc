// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/graph/growing_order.h"

#include <algorithm>

namespace mgmt {

GrowingOrder::GrowingOrder(Topology base)
    : base_(std::move(base)), position_(base_.size()), out_(base_.size()), in_(base_.size()), seen_(base_.size()) {
  std::uint32_t next = 0;
  for (VertexId v : base_.topological_order()) position_[v] = next++;
}

// All that can be reached from `start` by `next(vertex, visit)`; false as soon as `forbidden` is among it.
template <class Next>
bool GrowingOrder::collect(VertexId start, VertexId forbidden, std::vector<VertexId>& into, const Next& next) {
  ++round_;
  into.clear();
  stack_.assign(1, start);
  seen_[start] = round_;
  while (!stack_.empty()) {
    VertexId at = stack_.back();
    stack_.pop_back();
    if (at == forbidden) return false;
    into.push_back(at);
    next(at, [&](VertexId v) {
      if (seen_[v] == round_) return;
      seen_[v] = round_;
      stack_.push_back(v);
    });
  }
  return true;
}

bool GrowingOrder::add(VertexId from, VertexId to) {
  if (from == to) return false;
  std::uint32_t first = position_[to], last = position_[from];
  if (first < last) {
    constexpr VertexId kNone = UINT32_MAX;
    bool fits = collect(to, from, behind_, [&](VertexId at, const auto& visit) {
      for (const auto& all : {base_.successors(at), std::span<const VertexId>(out_[at])})
        for (VertexId v : all)
          if (position_[v] <= last) visit(v);
    });
    if (!fits) return false;
    collect(from, kNone, before_, [&](VertexId at, const auto& visit) {
      for (const auto& all : {base_.predecessors(at), std::span<const VertexId>(in_[at])})
        for (VertexId v : all)
          if (position_[v] >= first) visit(v);
    });
    reorder();
  }
  out_[from].push_back(to);
  in_[to].push_back(from);
  return true;
}

// What comes before `from` takes the first of the places of both, each side in its order.
void GrowingOrder::reorder() {
  auto by_position = [&](VertexId v) { return position_[v]; };
  std::ranges::sort(before_, {}, by_position);
  std::ranges::sort(behind_, {}, by_position);
  before_.insert(before_.end(), behind_.begin(), behind_.end());
  std::vector<std::uint32_t> places;
  places.reserve(before_.size());
  for (VertexId v : before_) places.push_back(position_[v]);
  std::ranges::sort(places);
  for (std::size_t i = 0; i < places.size(); ++i) position_[before_[i]] = places[i];
}

}  // namespace mgmt
