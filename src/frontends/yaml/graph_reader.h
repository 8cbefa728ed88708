// SPDX-License-Identifier: GPL-3.0-or-later
// GraphReader: the keys of a graph's file, as events come: what is read goes to the GraphBuilder at once, so that
// a large file costs no tree.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/frontends/graph_builder.h"
#include "src/frontends/yaml/node_reader.h"
#include "src/resources/kind.h"

namespace mgmt::yaml {

class GraphReader {
 public:
  /// `file` is the number of the source in all places.
  GraphReader(const Source& source, std::uint16_t file, Diagnostics& diagnostics, GraphBuilder& builder)
      : nodes_(source.text, diagnostics, source.outside, file),
        diagnostics_(diagnostics),
        builder_(builder),
        folder_(source.folder),
        file_(file) {}

  /// Throws SyntaxError.
  void read();
  /// What was found of them so far, also after a SyntaxError.
  const std::vector<FoundSecret>& secrets() const { return nodes_.secrets(); }

 private:
  // `resources:` and `kind:` are today's words for what were `types:` and `type:` in 2016.
  enum class Spelling { Unknown, Today, Of2016 };
  // What is read of one resource.
  struct Draft;

  void read_document(const Event& root);
  void read_kinds(const Key& key);
  void read_resources_of(const Kind& kind, const Key& key);
  void read_resource(const Kind& kind, const Event& first);
  void read_resource_key(Draft& draft, const Key& key);
  void read_name(Draft& draft);
  void read_parameter(Draft& draft, ParamIndex index);
  void read_obsolete(Draft& draft, const ObsoleteParam& obsolete, const Key& key);
  void read_unknown_parameter(Draft& draft, const Key& key);
  void read_meta(Draft& draft);
  void read_meta_key(Draft& draft, std::vector<SourcePos>& seen, const Key& key);
  void finish_meta(Draft& draft);
  void check_dollar(const Draft& draft);

  void read_edge(const Event& first);
  // All that stand on one side of an edge; none if any of them can't be read.
  using EdgeSide = std::optional<std::vector<GraphBuilder::EdgeEnd>>;
  EdgeSide read_edge_side(const Key& key);
  bool read_edge_ends(const Key& key, const Event& first, std::vector<GraphBuilder::EdgeEnd>& into);
  std::optional<std::vector<GraphBuilder::WrittenSend>> read_sends();
  void add_edges(const GraphBuilder::Edge& edge, const std::vector<GraphBuilder::EdgeEnd>& from,
                 const std::vector<GraphBuilder::EdgeEnd>& to);
  void read_collect(const Event& first);
  void read_limits();
  void read_kind_name(const Key& key, bool& has_kind, const Kind*& kind);
  const Kind* find_kind_or_report(std::string_view name, SourcePos pos);
  void see_spelling(Spelling spelling, const Key& key);
  /// True the first time for this word of this kind.
  bool first_note(const Kind* kind, std::string_view word) { return noted_.emplace(kind, word).second; }

  NodeReader nodes_;
  Diagnostics& diagnostics_;
  GraphBuilder& builder_;
  const std::string& folder_;
  std::uint16_t file_;
  Spelling spelling_ = Spelling::Unknown;
  bool spelling_warned_ = false;
  SourcePos resources_, types_;
  std::set<std::string, std::less<>> unknown_kinds_;
  std::set<std::pair<const Kind*, std::string_view>> noted_;
  /// Mostly all of a file's resources have the same: one object for those that follow each other.
  std::shared_ptr<const Meta> last_meta_ = default_meta();
};

}  // namespace mgmt::yaml
