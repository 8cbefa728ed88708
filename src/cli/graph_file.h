// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/resources/resource_graph.h"
#include "src/value/diagnostic.h"

namespace mgmt::cli {

struct GraphFile {
  /// Null if it can't be read or isn't right.
  std::shared_ptr<const ResourceGraph> graph;
  /// Of the text that was read, to see whether an edit changed anything; none if it couldn't be read.
  std::optional<std::size_t> fingerprint;
  /// What was read, with the secrets from elsewhere behind it; of a graph whose text didn't change, nothing.
  std::string source;
  /// All that is to be said of it: errors, warnings and notes.
  std::vector<Message> messages;

  /// The messages, ready to print.
  std::string text() const;
};

/// Reads and parses a file; never throws. Text whose fingerprint is `known` isn't parsed: the graph stays null.
GraphFile load_graph_file(const std::string& path, std::optional<std::size_t> known = std::nullopt);

}  // namespace mgmt::cli
