// SPDX-License-Identifier: GPL-3.0-or-later
// ResourceGraph: what a frontend hands over. Whole, valid (no cycle, no duplicate) and immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/graph/topology.h"
#include "src/resources/declaration.h"

namespace mgmt {

/// One value that goes along an edge.
struct Send {
  /// Of the sender's Kind::outputs.
  ParamIndex output = 0;
  /// Of the receiver's Kind::params.
  ParamIndex param = 0;
  friend bool operator==(const Send&, const Send&) = default;
};

struct EdgeInfo {
  std::string name;
  /// The receiver is refreshed when the sender changed something.
  bool notify = false;
  std::vector<Send> sends = {};
  /// Where it is written; line 0 for an automatic one.
  SourcePos pos = {};
  /// Of an automatic edge: "its parent folder".
  std::string_view why = {};
};

/// "Take what hosts export of this kind."
struct Collect {
  const Kind* kind = nullptr;
  /// For files: the folder they go to; empty: where the exporting host has them.
  std::string pattern;
  bool allow_exec = false;
  SourcePos pos;

  friend bool operator==(const Collect& a, const Collect& b) {
    return a.kind == b.kind && a.pattern == b.pattern && a.allow_exec == b.allow_exec;
  }
};

/// Which vertices of a graph run as one (automatic grouping). A group is one vertex of what is scheduled, never of the
/// graph: its members keep their declarations, edges and names.
struct Groups {
  /// For each vertex of the graph its vertex in `topology`.
  std::vector<VertexId> of;
  /// The graph with each group as one vertex, numbered by their first members; without parallel edges.
  Topology topology;

  /// For each vertex of `topology` the graph's vertices in it.
  std::vector<std::vector<VertexId>> members() const;
};

/// `limits:`: what one swap to this graph may do before somebody says yes to it.
struct Limits {
  /// Changes: of resources, and of each entry of a tree. None: any number.
  std::optional<std::uint64_t> changes = {};
  /// Entries of file systems that go. None: the default.
  std::optional<std::uint64_t> removals = {};
  /// Clean paths at and below which nothing changes.
  std::vector<std::string> protect = {};

  bool any() const { return changes || removals || !protect.empty(); }
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct ResourceGraph {
  std::string name;
  /// Index = VertexId of the topology.
  std::vector<std::shared_ptr<const Declaration>> vertices;
  Topology topology;
  /// Parallel to topology.edges().
  std::vector<EdgeInfo> edges;
  /// Null: each vertex runs by itself.
  std::shared_ptr<const Groups> groups = nullptr;
  std::vector<Collect> collects;
  Limits limits = {};
  /// SourcePos::file indexes these names.
  std::vector<std::string> sources;

  /// "graph.yaml:7:5", for messages.
  std::string place_of(SourcePos pos) const;
};

}  // namespace mgmt
