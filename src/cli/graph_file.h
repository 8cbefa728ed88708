// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "src/resources/resource_graph.h"

namespace mgmt::cli {

struct GraphFile {
  /// Null if it can't be read or isn't right.
  std::shared_ptr<const ResourceGraph> graph;
  /// Of the text that was read, to see whether an edit changed anything; none if it couldn't be read.
  std::optional<std::size_t> fingerprint;
  /// What was read, with the secrets from elsewhere behind it; of a graph whose text didn't change, nothing.
  std::string text;
  /// All that is to be said of it, errors, warnings and notes, ready to print.
  std::string messages;
};

/// Reads and parses a file; never throws. Text whose fingerprint is `known` isn't parsed: the graph stays null.
GraphFile load_graph_file(const std::string& path, std::optional<std::size_t> known = std::nullopt);

/// Writes what is drawn of a graph: dot text, or a picture (by extension .svg or .png) made by Graphviz's `dot`.
/// Throws Error.
void write_picture(const ResourceGraph& graph, const std::string& path);

}  // namespace mgmt::cli
