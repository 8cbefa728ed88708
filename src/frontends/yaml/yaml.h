// SPDX-License-Identifier: GPL-3.0-or-later
// The YAML frontend: a graph's text, in today's spelling or that of 2016, as a ResourceGraph.
//
//   yaml::Loaded loaded = yaml::load(text, "graph.yaml");
//   std::cerr << loaded.rendered;
//   if (!loaded.graph) return 2;
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/resources/resource_graph.h"
#include "src/value/diagnostic.h"

namespace mgmt::yaml {

struct Loaded {
  /// Null if there are errors.
  std::shared_ptr<const ResourceGraph> graph;
  /// All errors of meaning, warnings and notes, by place; or the one error of syntax.
  Diagnostics diagnostics;
  /// The diagnostics in words, each with its line and a caret; of very many only the first.
  std::vector<Message> messages;
  /// All of them, ready to print.
  std::string rendered;
};

/// Never throws, whatever the text; time and memory are bounded by its length.
Loaded load(std::string_view text, std::string file_name);

}  // namespace mgmt::yaml
