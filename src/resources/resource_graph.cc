// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/resource_graph.h"

#include "src/value/diagnostic.h"

namespace mgmt {

std::vector<std::vector<VertexId>> Groups::members() const {
  std::vector<std::vector<VertexId>> all(topology.size());
  for (VertexId v = 0; v < of.size(); ++v) all[of[v]].push_back(v);
  return all;
}

std::string ResourceGraph::place_of(SourcePos pos) const {
  return place(pos.file < sources.size() ? std::string_view(sources[pos.file]) : std::string_view("(unknown source)"),
               pos);
}

}  // namespace mgmt
