// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/dot.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/resources/kind.h"

namespace mgmt {
namespace {

// printable() leaves no control character and no broken UTF-8. A backslash begins an escape in a label (\N
// is the node's name), so each is doubled, those of printable() too: the picture shows them as they are.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::string edge_attributes(const EdgeInfo& edge) {
  if (!edge.why.empty())
    return fmt::format(" [style=dashed, color=gray, tooltip={}]", quoted(fmt::format("automatic: {}", edge.why)));
  if (edge.notify) {
    std::string label = edge.name.empty() ? "notify" : edge.name + " (notify)";
    return fmt::format(" [label={}, style=bold]", quoted(label));
  }
  return edge.name.empty() ? std::string() : fmt::format(" [label={}]", quoted(edge.name));
}

// A box around what runs as one.
void append_groups(const ResourceGraph& graph, std::string& out) {
  std::size_t number = 0;
  for (const std::vector<VertexId>& members : graph.groups->members()) {
    if (members.size() < 2) continue;
    out +=
        fmt::format("  subgraph cluster_{} {{\n    label={}; style=rounded; color=gray;\n   ", number++,
                    quoted(fmt::format("group of {} {}", members.size(), graph.vertices[members.front()]->kind->name)));
    for (VertexId v : members) out += fmt::format(" v{};", v);
    out += "\n  }\n";
  }
}

}  // namespace

std::string to_dot(const ResourceGraph& graph) {
  std::string out = fmt::format("digraph {} {{\n  node [shape=box];\n", quoted(graph.name));
  for (std::size_t v = 0; v < graph.vertices.size(); ++v) {
    const Declaration& declaration = *graph.vertices[v];
    out +=
        fmt::format("  v{} [label={}{}];\n", v, quoted(declaration.id()), declaration.hidden() ? ", style=dashed" : "");
  }
  if (graph.groups) append_groups(graph, out);
  const std::vector<Topology::Edge>& edges = graph.topology.edges();
  for (std::size_t e = 0; e < edges.size(); ++e)
    out += fmt::format("  v{} -> v{}{};\n", edges[e].from, edges[e].to, edge_attributes(graph.edges[e]));
  return out + "}\n";
}

}  // namespace mgmt
