// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "src/resources/resource_graph.h"
#include "src/views/facts.h"

namespace mgmt::cli {

/// A graph as the readers of the report ask for it. What is looked up by id is indexed with the first question.
class GraphIndex : public views::GraphFacts {
 public:
  /// `key` as of GraphFacts.
  GraphIndex(std::shared_ptr<const ResourceGraph> graph, std::uint64_t key);

  std::optional<Fact> find(const std::string& id) const override;
  void each(const std::function<void(const std::string&)>& call) const override;
  std::vector<std::string> before(const std::string& id) const override;
  std::vector<std::string> after(const std::string& id) const override;
  std::uint64_t key() const override { return key_; }

  const ResourceGraph& graph() const { return *graph_; }
  /// file:line:column of its declaration; "" if it isn't in the graph.
  std::string place_of(const std::string& id) const;
  bool contains(const std::string& id) const { return vertex_of(id).has_value(); }

 private:
  std::optional<VertexId> vertex_of(const std::string& id) const;

  std::shared_ptr<const ResourceGraph> graph_;
  std::uint64_t key_;
  mutable std::once_flag indexed_;
  /// Sorted. Names would take ten times the memory.
  mutable std::vector<std::pair<std::size_t, VertexId>> by_hash_;
};

/// Of all in a declaration that says what should be: kind, name and parameters. Of a secret only eight bits count: a
/// change of it is almost always seen, and a guess can't be confirmed by it.
std::uint64_t fingerprint(const Declaration& declaration);

}  // namespace mgmt::cli
