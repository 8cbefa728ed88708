// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/graph_index.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "src/resources/kind.h"

namespace mgmt::cli {

namespace {

std::size_t mix(std::size_t seed, std::string_view text) {
  return hash_value(Value(static_cast<std::int64_t>(std::hash<std::string_view>{}(text))), seed);
}

std::vector<std::string> ids(const ResourceGraph& graph, std::span<const VertexId> vertices) {
  std::vector<std::string> found;
  for (VertexId v : vertices) found.push_back(graph.vertices[v]->id());
  return found;
}

}  // namespace

std::uint64_t fingerprint(const Declaration& declaration) {
  std::size_t hash = mix(mix(0, declaration.kind->name), declaration.name);
  for (const Params::Item& item : declaration.params.items()) {
    const Param& param = declaration.kind->params[item.index];
    std::size_t value = hash_value(item.value, 0);
    if (param.secret) value &= 0xff;
    hash = hash_value(Value(static_cast<std::int64_t>(value)), mix(hash, param.name));
  }
  return hash;
}

GraphIndex::GraphIndex(std::shared_ptr<const ResourceGraph> graph, std::uint64_t key)
    : graph_(std::move(graph)), key_(key == 0 ? 1 : key) {}

std::optional<VertexId> GraphIndex::vertex_of(const std::string& id) const {
  std::call_once(indexed_, [this] {
    by_hash_.reserve(graph_->vertices.size());
    for (VertexId v = 0; v < graph_->vertices.size(); ++v)
      by_hash_.emplace_back(std::hash<std::string>{}(graph_->vertices[v]->id()), v);
    std::ranges::sort(by_hash_);
  });
  std::size_t hash = std::hash<std::string>{}(id);
  for (auto at = std::ranges::lower_bound(by_hash_, std::pair(hash, VertexId{0}));
       at != by_hash_.end() && at->first == hash; ++at)
    if (graph_->vertices[at->second]->id() == id) return at->second;
  return std::nullopt;
}

std::string GraphIndex::place_of(const std::string& id) const {
  auto vertex = vertex_of(id);
  return vertex ? graph_->place_of(graph_->vertices[*vertex]->pos) : std::string();
}

std::optional<GraphIndex::Fact> GraphIndex::find(const std::string& id) const {
  auto vertex = vertex_of(id);
  if (!vertex) return std::nullopt;
  const Declaration& declaration = *graph_->vertices[*vertex];
  Fact fact{.kind = std::string(declaration.kind->name),
            .fingerprint = fingerprint(declaration),
            .path = {},
            .place = graph_->place_of(declaration.pos)};
  if (declaration.kind->managed_path && !declaration.exported)
    fact.path = declaration.kind->managed_path(declaration).value_or("");
  return fact;
}

void GraphIndex::each(const std::function<void(const std::string&)>& call) const {
  for (const auto& declaration : graph_->vertices) call(declaration->id());
}

std::vector<std::string> GraphIndex::before(const std::string& id) const {
  auto vertex = vertex_of(id);
  return vertex ? ids(*graph_, graph_->topology.predecessors(*vertex)) : std::vector<std::string>();
}

std::vector<std::string> GraphIndex::after(const std::string& id) const {
  auto vertex = vertex_of(id);
  return vertex ? ids(*graph_, graph_->topology.successors(*vertex)) : std::vector<std::string>();
}

}  // namespace mgmt::cli
