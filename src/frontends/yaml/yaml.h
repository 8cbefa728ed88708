// SPDX-License-Identifier: GPL-3.0-or-later
// The YAML frontend: a graph's text, in today's spelling or that of 2016, as a ResourceGraph.
//
//   yaml::Loaded loaded = yaml::load(text, "graph.yaml");
//   std::cerr << loaded.rendered;
//   if (!loaded.graph) return 2;
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/resources/resource_graph.h"
#include "src/value/diagnostic.h"

namespace mgmt::yaml {

/// How a graph reads what is outside of it; one that is empty reads nothing.
struct Outside {
  using Read = std::function<Result<std::string>(const std::string& name)>;
  /// `!file PATH`, `!env NAME`.
  Read file = {}, env = {};
};

/// One of the files that make a graph together.
struct Source {
  std::string_view text;
  std::string name;
  /// Absolute; what a relative path is relative to. Empty: there is none.
  std::string folder = {};
  Outside outside = {};
};

struct Loaded {
  /// Null if there are errors.
  std::shared_ptr<const ResourceGraph> graph;
  /// All errors of meaning, warnings and notes, by place; or of each file that has one the error of syntax.
  Diagnostics diagnostics;
  /// The diagnostics in words, each with its line and a caret; of very many only the first. No secret is in them.
  std::vector<Message> messages;
  /// All of them, ready to print.
  std::string rendered;
  /// The secrets, as they were read and in their order.
  std::vector<std::string> secrets;
  /// For each source the line of the first secret that is written in it; 0: none is.
  std::vector<std::uint32_t> secret_lines;
};

/// Never throws, whatever the text; time and memory are bounded by its length.
Loaded load(std::string_view text, std::string file_name, const Outside& outside = {});

/// Several files are one graph. `name`: the graph's; empty: that of the first file.
Loaded load(const std::vector<Source>& sources, std::string name = {});

}  // namespace mgmt::yaml
