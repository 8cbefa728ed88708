// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "src/resources/resource_graph.h"

namespace mgmt::cli {

struct GraphFile {
  /// Null if it can't be read or isn't right.
  std::shared_ptr<const ResourceGraph> graph;
  /// What was read: to see whether an edit changed anything.
  std::string text;
  /// All that is to be said of it, errors, warnings and notes, ready to print.
  std::string messages;
};

/// Reads and parses a file; never throws.
GraphFile load_graph_file(const std::string& path);

/// Writes what is drawn of a graph: dot text, or a picture (by extension .svg or .png) made by Graphviz's `dot`.
/// Throws Error.
void write_picture(const ResourceGraph& graph, const std::string& path);

}  // namespace mgmt::cli
