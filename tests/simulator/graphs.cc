// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/simulator/graphs.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "src/engine/transform/collect.h"
#include "tests/simulator/machine.h"

namespace mgmt::simulator {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kValues = 3;

}  // namespace

Graphs::Graphs(std::size_t things, Random& random) : random_(random), vertices_(things), order_(things) {
  std::iota(order_.begin(), order_.end(), 0u);
  for (std::size_t i = things; i > 1; --i)
    std::swap(order_[i - 1], order_[random_.below(static_cast<std::uint32_t>(i))]);
  constexpr std::uint32_t kShares[] = {100, 80, 40};
  plain_meta_ = kShares[random_.below(3)];
  constexpr const Kind* kKinds[] = {&kInline, &kBlocking, &kBlocking, &kAsync, &kPlain};
  bool with_exports = random_.percent(20), with_collected = random_.percent(20);
  for (std::size_t v = 0; v < things; ++v) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = kKinds[random_.below(std::size(kKinds))];
    declaration->name = std::to_string(v);
    if (with_exports && random_.percent(20)) declaration->exported = true;
    else if (with_collected && random_.percent(20)) declaration->origin = "b";
    vertices_[v].declaration = std::move(declaration);
    declare(v, true);
    vertices_[v].present = random_.percent(85);
  }
  if (things < 2) return;
  switch (random_.below(4)) {
    case 0:  // a chain
      for (std::size_t i = 1; i < things; ++i) edges_.push_back({order_[i - 1], order_[i], random_.percent(50)});
      break;
    case 1:  // fan-out and fan-in
      for (std::size_t i = 1; i + 1 < things; ++i) {
        edges_.push_back({order_[0], order_[i], random_.percent(50)});
        edges_.push_back({order_[i], order_[things - 1], random_.percent(50)});
      }
      break;
    default: {
      std::size_t count = random_.below(static_cast<std::uint32_t>(things * 2));
      for (std::size_t i = 0; i < count; ++i) add_edge();
    }
  }
}

std::shared_ptr<const Meta> Graphs::random_meta() {
  if (random_.percent(plain_meta_)) return default_meta();
  auto meta = std::make_shared<Meta>();
  auto rarely = [&] { return random_.percent(15); };
  meta->noop = random_.percent(5);
  if (random_.percent(40)) {
    constexpr std::int64_t kRetries[] = {-1, 0, 1, 5};
    meta->retry = kRetries[random_.below(4)];
  }
  meta->retryreset = rarely();
  meta->reset = rarely();
  if (rarely()) {
    constexpr std::chrono::milliseconds kDelays[] = {0ms, 10ms, 1000ms};
    meta->delay = kDelays[random_.below(3)];
  }
  if (rarely()) meta->timeout = 15ms;
  if (random_.percent(5)) meta->poll = random_.percent(70) ? 20s : -1s;
  if (rarely()) {
    meta->limit = 2;
    meta->burst = 1 + random_.below(2);
  }
  meta->rewatch = rarely();
  meta->realize = rarely();
  for (const char* name : {"a", "b:2", "c:3"})
    if (random_.percent(20)) meta->sema.emplace_back(name);
  return meta;
}

void Graphs::declare(std::size_t thing, bool new_meta) {
  auto declaration = std::make_shared<Declaration>(*vertices_[thing].declaration);
  declaration->params.set(kValue, Value(static_cast<std::int64_t>(random_.below(kValues))), {});
  if (new_meta) declaration->meta = random_meta();
  vertices_[thing].declaration = std::move(declaration);
}

void Graphs::add_edge() {
  auto size = static_cast<std::uint32_t>(order_.size());
  std::uint32_t from = random_.below(size), to = random_.below(size);
  if (from == to) return;
  edges_.push_back({order_[std::min(from, to)], order_[std::max(from, to)], random_.percent(50)});
}

void Graphs::edit() {
  auto size = static_cast<std::uint32_t>(vertices_.size());
  for (std::uint32_t changes = random_.below(4); changes > 0; --changes) {
    std::uint32_t vertex = random_.below(size);
    switch (random_.below(6)) {
      case 0: declare(vertex, false); break;
      case 1: declare(vertex, true); break;
      case 2: vertices_[vertex].present = !vertices_[vertex].present; break;
      case 3: add_edge(); break;
      case 4:
        if (!edges_.empty()) edges_.erase(edges_.begin() + random_.below(static_cast<std::uint32_t>(edges_.size())));
        break;
      default:  // read again: an equal declaration is another object
        vertices_[vertex].declaration = std::make_shared<Declaration>(*vertices_[vertex].declaration);
    }
  }
}

std::shared_ptr<const ResourceGraph> Graphs::build() const {
  auto graph = std::make_shared<ResourceGraph>();
  std::vector<std::shared_ptr<const Declaration>> collected;
  std::vector<std::optional<VertexId>> at(vertices_.size());
  for (std::size_t v = 0; v < vertices_.size(); ++v) {
    if (!vertices_[v].present) continue;
    const auto& declaration = vertices_[v].declaration;
    if (!declaration->origin.empty()) {
      collected.push_back(declaration);
      continue;
    }
    at[v] = static_cast<VertexId>(graph->vertices.size());
    graph->vertices.push_back(declaration);
  }
  std::vector<Topology::Edge> ends;
  for (const Edge& edge : edges_) {
    if (!at[edge.from] || !at[edge.to]) continue;
    ends.push_back({*at[edge.from], *at[edge.to]});
    graph->edges.push_back({.name = {}, .notify = edge.notify});
  }
  graph->topology = Topology(graph->vertices.size(), std::move(ends));
  for (const Kind* kind : {&kInline, &kBlocking, &kAsync, &kPlain})
    graph->collects.push_back({.kind = kind, .pattern = {}, .pos = {}});
  return collected.empty() ? graph : combine(graph, collected).graph;
}

}  // namespace mgmt::simulator
