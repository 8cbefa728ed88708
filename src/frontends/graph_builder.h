// SPDX-License-Identifier: GPL-3.0-or-later
// GraphBuilder: collects what a frontend reads, in any order, and makes the ResourceGraph of it, or says all that
// is wrong with it as a graph: duplicates, edges to nothing, cycles, and what each kind's own rules find.
//
//   GraphBuilder builder;
//   builder.add(std::move(declaration));
//   builder.add_edge({.name = "e1", .from = {kind, "a"}, .to = {kind, "b"}});
//   std::shared_ptr<const ResourceGraph> graph = std::move(builder).finish(diagnostics);
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "src/frontends/readings.h"
#include "src/resources/resource_graph.h"
#include "src/value/diagnostic.h"

namespace mgmt {

/// A name as it is written: "@@motd" is the exported resource "motd".
struct WrittenName {
  std::string_view name;
  bool exported = false;
};
WrittenName parse_name(std::string_view written);

class GraphBuilder {
 public:
  struct EdgeEnd {
    const Kind* kind = nullptr;
    /// As written. Without "@@" it is the resource of that name, or else the hidden ones.
    std::string name;
    SourcePos pos;
  };
  /// The sender's output and the receiver's parameter, as written.
  struct WrittenSend {
    std::string output;
    std::string param;
    SourcePos output_pos;
    SourcePos param_pos;
  };
  struct Edge {
    std::string name;
    EdgeEnd from;
    EdgeEnd to;
    bool notify = false;
    SourcePos pos;
    SourcePos notify_pos = {};
    std::vector<WrittenSend> sends = {};
  };

  /// The first one that isn't empty counts.
  void set_name(std::string name) {
    if (graph_name_.empty()) graph_name_ = std::move(name);
  }
  /// The number for SourcePos::file.
  std::uint16_t add_source(std::string name);

  /// `unread` has had its errors: no further one is reported that depends on it. A declaration without a name is only
  /// judged.
  void add(Declaration declaration, Unread unread = {});
  void add_edge(Edge edge) { edges_.push_back(std::move(edge)); }
  /// Of several the strictest holds.
  void add_limits(Limits limits);
  /// `pattern_pos`: where its pattern stands, for errors.
  void add_collect(Collect collect, SourcePos pattern_pos = {});

  /// Null if `diagnostics` has errors, be they from here or from before. Two edges of the same ends become one,
  /// which notifies if either does.
  std::shared_ptr<const ResourceGraph> finish(Diagnostics& diagnostics) &&;

 private:
  class Index;

  Index make_index(Diagnostics& diagnostics) const;
  std::string place_of(VertexId vertex) const;
  std::string place_of(SourcePos pos) const;
  /// "in line 7", and where it is another file "at other.yaml:7:5".
  std::string where(SourcePos pos, SourcePos seen_from) const;
  void check_exports(Diagnostics& diagnostics) const;
  void find_shared_paths(Diagnostics& diagnostics);
  void check_paths(Diagnostics& diagnostics) const;
  void check_removed_folders(Diagnostics& diagnostics) const;
  void drop_repeated(const std::vector<bool>& repeated);
  std::vector<std::size_t> resolve_edges(const Index& index, std::vector<Topology::Edge>& ends,
                                         Diagnostics& diagnostics);
  void check_notify(const Edge& edge, VertexId to, Diagnostics& diagnostics) const;
  void resolve_sends(const std::vector<std::size_t>& kept, const std::vector<Topology::Edge>& ends,
                     Diagnostics& diagnostics);
  std::optional<Send> resolve_send(const WrittenSend& send, const Declaration& from, const Declaration& to,
                                   Diagnostics& diagnostics);
  void report_missing(const EdgeEnd& end, Diagnostics& diagnostics);
  void report_cycle(const Topology& topology, const std::vector<std::size_t>& edge_of, Diagnostics& diagnostics) const;
  void check_collects(Diagnostics& diagnostics) const;
  void validate(Diagnostics& diagnostics) const;
  static void check_undo(const Declaration& declaration, Diagnostics& diagnostics);
  static void validate(const Declaration& declaration, Unread unread, Diagnostics& diagnostics);

  std::string graph_name_;
  std::vector<std::string> sources_;
  std::vector<std::shared_ptr<const Declaration>> vertices_;
  boost::unordered_flat_map<VertexId, Unread> unread_;
  /// Of two that manage one path the later, and the earlier.
  struct SharedPath {
    VertexId vertex = 0, first = 0;
    std::string path;
  };
  std::vector<SharedPath> shared_paths_;
  /// What is another one, written once more: by its declaration, that one.
  std::vector<std::pair<std::shared_ptr<const Declaration>, VertexId>> repeated_;
  std::vector<std::pair<Declaration, Unread>> nameless_;
  std::vector<Edge> edges_;
  /// What is sent along each of the kept edges, and what each vertex receives.
  std::vector<std::vector<Send>> sends_;
  struct Received {
    ParamIndex param;
    VertexId from;
    ParamIndex output;
    SourcePos pos;
  };
  std::map<VertexId, std::vector<Received>> received_;
  std::vector<Collect> collects_;
  Limits limits_;
  std::vector<SourcePos> pattern_pos_;
  /// Places of ends and sends that have had their error: an edge of lists names each many times.
  std::set<std::tuple<std::uint16_t, std::uint32_t, std::uint16_t>> told_;
  bool first_told(SourcePos pos) { return pos.line == 0 || told_.emplace(pos.file, pos.line, pos.column).second; }
  /// How many edges to nothing got a "did you mean", which costs a walk over all names.
  int suggestions_ = 0;
};

}  // namespace mgmt
