// SPDX-License-Identifier: GPL-3.0-or-later
// GraphFiles: what the command line names as a graph, files, folders of them and standard input, read as one
// ResourceGraph.
//
//   GraphFile file = GraphFiles({"base.yaml", "conf.d"}, Trust::of_this_process()).load();
//   std::cerr << file.text();
//   if (!file.graph) return 2;
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/trust.h"
#include "src/resources/resource_graph.h"
#include "src/value/diagnostic.h"

namespace mgmt::cli {

/// Names standard input.
inline constexpr const char* kStandardInput = "-";

/// A file as it was read.
struct GraphText {
  std::string path;
  std::string text;
};

struct GraphFile {
  /// Null if it can't be read or isn't right.
  std::shared_ptr<const ResourceGraph> graph;
  /// Of the texts that were read, to see whether an edit changed anything; none if they couldn't be read.
  std::optional<std::size_t> fingerprint;
  /// What was read; of a graph whose text didn't change, nothing.
  std::vector<GraphText> texts;
  /// What stands elsewhere (`!file`, `!env`) and was read with it.
  std::vector<std::string> secrets;
  /// All that is to be said of it: errors, warnings and notes.
  std::vector<Message> messages;
  /// It was not read: somebody else could have written it.
  bool untrusted = false;
  /// Of one that runs in the place of what the files hold now: what is wrong with that.
  std::optional<Message> broken = {};

  /// The messages, ready to print.
  std::string text() const;
  /// The first error of those.
  std::optional<Message> first_error() const;
  /// All that it was made of, as one text.
  std::string source() const;
};

class GraphFiles {
 public:
  explicit GraphFiles(std::vector<std::string> named, Trust trust = {});

  /// Reads and parses; never throws. Text whose fingerprint is `known` isn't parsed: the graph stays null.
  GraphFile load(std::optional<std::size_t> known = std::nullopt) const;
  /// The same of these texts, whatever the files hold by now.
  GraphFile parse(std::vector<GraphText> texts) const;
  /// Warnings of what root would not run.
  std::vector<Message> doubts() const;

  /// The files that make the graph, a folder's in the order of their names. Throws Error where a folder can't be read.
  std::vector<std::string> list() const;
  const std::vector<std::string>& named() const { return named_; }
  /// Absolute, for who reads them from elsewhere.
  std::vector<std::string> absolute() const;
  /// "web.yaml", "a.yaml and b.yaml"
  std::string shown() const;
  /// What is no file and no folder can't be read twice. One that isn't there may come.
  bool can_be_followed() const;

 private:
  GraphFile parse(std::vector<GraphText> texts, std::optional<std::size_t> known) const;
  std::string graph_name() const;

  std::vector<std::string> named_;
  Trust trust_;
};

/// Standard input to its end, once.
const std::string& standard_input();
/// It is this descriptor that is read as such: in a plan's place, what the process outside handed over (see
/// planner.cc).
void keep_standard_input(int fd);

}  // namespace mgmt::cli
