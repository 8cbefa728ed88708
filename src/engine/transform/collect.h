// SPDX-License-Identifier: GPL-3.0-or-later
// Collect: a graph and what hosts export make the graph that runs. Pure.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/resources/resource_graph.h"

namespace mgmt {

struct Combined {
  std::shared_ptr<const ResourceGraph> graph;
  /// What was left out, and why: one text each, for the user.
  std::vector<std::string> left_out;
};

/// `exported`: decoded declarations with their origin set, as the hosts have them. Those that a `collect:`
/// of the graph asks for become vertices behind the graph's own, without edges, in the order given.
Combined combine(const std::shared_ptr<const ResourceGraph>& base,
                 std::span<const std::shared_ptr<const Declaration>> exported);

}  // namespace mgmt
