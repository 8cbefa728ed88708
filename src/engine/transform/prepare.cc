// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/prepare.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/engine/transform/auto_edges.h"
#include "src/engine/transform/collect.h"
#include "src/engine/transform/group.h"
#include "src/engine/transform/secret_sources.h"

namespace mgmt {
namespace {

constexpr std::size_t kShown = 20;

std::vector<std::string> notes_of(const AutoEdges& edges) {
  std::vector<std::string> notes;
  const auto& vertices = edges.graph->vertices;
  for (const AutoEdges::LeftOut& edge : edges.left_out) {
    if (notes.size() == kShown) break;
    std::string from = printable(vertices[edge.from]->id()), to = printable(vertices[edge.to]->id());
    notes.push_back(
        fmt::format("no automatic edge {} -> {} ({}): {} comes before {} already", from, to, edge.why, to, from));
  }
  if (edges.left_out.size() > kShown)
    notes.push_back(
        fmt::format("and {} that would close a cycle", counted(edges.left_out.size() - kShown, "more automatic edge")));
  if (edges.too_many)
    notes.emplace_back(
        "not all automatic edges from what lies in watched or copied folders: there are more than a million");
  return notes;
}

}  // namespace

Prepared prepare(const std::shared_ptr<const ResourceGraph>& base,
                 std::span<const std::shared_ptr<const Declaration>> exported) {
  Combined combined = base->collects.empty() ? Combined{base, {}} : combine(base, exported);
  AutoEdges edges = add_auto_edges(taint_secret_sources(combined.graph));
  std::vector<std::string> notes = notes_of(edges);
  if (std::shared_ptr<const Groups> groups = find_groups(*edges.graph)) {
    auto grouped = std::make_shared<ResourceGraph>(*edges.graph);
    grouped->groups = std::move(groups);
    edges.graph = std::move(grouped);
  }
  return {std::move(edges.graph), std::move(combined.left_out), std::move(notes)};
}

}  // namespace mgmt
