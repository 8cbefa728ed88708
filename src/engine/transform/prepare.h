// SPDX-License-Identifier: GPL-3.0-or-later
// prepare: from the graph that a frontend read to the one that runs: what it collects, automatic edges and groups.
// `run`, `check` and `graph` all go through here. Pure.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/resources/resource_graph.h"

namespace mgmt {

struct Prepared {
  std::shared_ptr<const ResourceGraph> graph;
  /// What was not collected, and why: one text each, for the user.
  std::vector<std::string> left_out;
  /// Automatic edges that are not there, and why.
  std::vector<std::string> notes;
};

/// `exported`: decoded declarations with their origin set, as the hosts have them.
Prepared prepare(const std::shared_ptr<const ResourceGraph>& base,
                 std::span<const std::shared_ptr<const Declaration>> exported);

}  // namespace mgmt
