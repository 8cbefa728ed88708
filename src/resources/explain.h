// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/resources/resource_graph.h"

namespace mgmt {

/// Each edge of the graph with why it is there, one a line, in the graph's order, and each group:
///
///   file[conf] -> exec[reload]: written at web.yaml:12:3, notifies
///   file[/srv/] -> file[conf]: automatic: its parent folder
///   one group: print[a], print[b]
std::string explain(const ResourceGraph& graph);

/// The same: `{"graph": "web", "edges": [{"from": ..., "to": ..., "place": ..., "notify": true}, {"from": ..., "to":
/// ..., "automatic": "its parent folder"}], "groups": [["print[a]", ...]]}`.
std::string explain_json(const ResourceGraph& graph);

}  // namespace mgmt
