// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "src/base/text.h"
#include "src/resources/kind.h"
#include "src/value/json.h"

namespace mgmt {
namespace {

// Of whom each edge is.
template <class F>
void each_edge(const ResourceGraph& graph, F&& call) {
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    Topology::Edge ends = graph.topology.edges()[e];
    call(graph.edges[e], *graph.vertices[ends.from], *graph.vertices[ends.to]);
  }
}

// The ids of each group of more than one.
std::vector<std::vector<std::string>> group_ids(const ResourceGraph& graph) {
  std::vector<std::vector<std::string>> groups;
  if (!graph.groups) return groups;
  for (const std::vector<VertexId>& members : graph.groups->members()) {
    if (members.size() < 2) continue;
    std::vector<std::string>& ids = groups.emplace_back();
    for (VertexId v : members) ids.push_back(graph.vertices[v]->id());
  }
  return groups;
}

}  // namespace

std::string explain(const ResourceGraph& graph) {
  std::string out;
  each_edge(graph, [&](const EdgeInfo& edge, const Declaration& from, const Declaration& to) {
    out += fmt::format("{} -> {}: ", printable(from.id()), printable(to.id()));
    if (!edge.why.empty()) out += fmt::format("automatic: {}", edge.why);
    else out += fmt::format("written at {}", printable(graph.place_of(edge.pos)));
    if (!edge.name.empty()) out += fmt::format(" as `{}`", printable(edge.name));
    if (edge.notify) out += ", notifies";
    for (const Send& send : edge.sends)
      out += fmt::format(", sends {} to {}", from.kind->outputs[send.output].name, to.kind->params[send.param].name);
    out += '\n';
  });
  for (const std::vector<std::string>& ids : group_ids(graph))
    out += printable(fmt::format("one group: {}", fmt::join(ids, ", "))) + "\n";
  return out;
}

std::string explain_json(const ResourceGraph& graph) {
  List edges;
  each_edge(graph, [&](const EdgeInfo& edge, const Declaration& from, const Declaration& to) {
    Map map{{"from", Value(from.id())}, {"to", Value(to.id())}};
    if (!edge.why.empty()) map.emplace_back("automatic", Value(std::string(edge.why)));
    else map.emplace_back("place", Value(graph.place_of(edge.pos)));
    if (!edge.name.empty()) map.emplace_back("name", Value(edge.name));
    if (edge.notify) map.emplace_back("notify", Value(true));
    if (!edge.sends.empty()) {
      Map sends;
      for (const Send& send : edge.sends)
        sends.emplace_back(to.kind->params[send.param].name, Value(std::string(from.kind->outputs[send.output].name)));
      map.emplace_back("receives", Value(std::move(sends)));
    }
    edges.emplace_back(std::move(map));
  });
  Map map;
  map.emplace_back("graph", Value(graph.name));
  map.emplace_back("edges", Value(std::move(edges)));
  List groups;
  for (std::vector<std::string>& ids : group_ids(graph)) {
    List group;
    for (std::string& id : ids) group.emplace_back(std::move(id));
    groups.emplace_back(std::move(group));
  }
  if (!groups.empty()) map.emplace_back("groups", Value(std::move(groups)));
  return to_json(Value(std::move(map))) + "\n";
}

}  // namespace mgmt
