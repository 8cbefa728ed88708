// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

using Ids = std::vector<std::string>;

struct GroupTest : testing::Test {
  ResourceGraph graph;
  std::vector<Topology::Edge> edges;

  VertexId add(const char* kind, std::string name, const Meta& meta = {}) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind(kind);
    declaration->name = std::move(name);
    declaration->meta = std::make_shared<const Meta>(meta);
    graph.vertices.push_back(std::move(declaration));
    return static_cast<VertexId>(graph.vertices.size() - 1);
  }
  void edge(VertexId from, VertexId to, EdgeInfo info = {}) {
    edges.push_back({from, to});
    graph.edges.push_back(std::move(info));
  }
  // Those of more than one.
  std::vector<Ids> groups() {
    graph.topology = Topology(graph.vertices.size(), edges);
    std::shared_ptr<const Groups> found = find_groups(graph);
    std::vector<Ids> all;
    if (!found) return all;
    EXPECT_FALSE(found->topology.find_cycle());
    for (const auto& members : found->members()) {
      EXPECT_FALSE(members.empty());
      if (members.size() < 2) continue;
      Ids& ids = all.emplace_back();
      for (VertexId v : members) ids.push_back(graph.vertices[v]->id());
    }
    return all;
  }
};

TEST_F(GroupTest, WhatCannotReachEachOtherIsOneByKind) {
  add("print", "a");
  add("noop", "a");
  add("print", "b");
  add("timer", "x");
  add("timer", "y");
  add("noop", "b");
  EXPECT_EQ(groups(), (std::vector<Ids>{{"print[a]", "print[b]"}, {"noop[a]", "noop[b]"}}));
}

TEST_F(GroupTest, AChainStaysAChain) {
  VertexId a = add("noop", "a"), x = add("timer", "x"), b = add("noop", "b"), c = add("noop", "c");
  edge(a, x);
  edge(x, b);
  EXPECT_EQ(groups(), (std::vector<Ids>{{"noop[a]", "noop[c]"}}));
  edge(a, c);
  EXPECT_EQ(groups(), (std::vector<Ids>{{"noop[b]", "noop[c]"}}));
}

TEST_F(GroupTest, GroupsOfTwoKindsDontWaitForEachOtherInACircle) {
  // Either kind alone could be one group of two; both would be a cycle.
  VertexId n1 = add("noop", "1"), p1 = add("print", "1"), n2 = add("noop", "2"), p2 = add("print", "2");
  edge(n1, p1);
  edge(p2, n2);
  EXPECT_EQ(groups(), (std::vector<Ids>{{"noop[1]", "noop[2]"}}));
}

TEST_F(GroupTest, WhatStandsByItselfIsNotGrouped) {
  Meta other, alone;
  other.retry = 3;
  alone.autogroup = false;
  add("noop", "plain");
  add("noop", "other meta", other);
  add("noop", "alone", alone);
  add("noop", "alone too", alone);
  VertexId notifies = add("noop", "notifies"), notified = add("print", "notified"), sent = add("print", "sent");
  VertexId exec = add("exec", "e");
  add("print", "plain");
  edge(notifies, notified, {.name = {}, .notify = true});
  edge(exec, sent, {.name = {}, .sends = {{0, 0}}});
  auto exported = std::make_shared<Declaration>(*graph.vertices[add("noop", "exported")]);
  exported->exported = true;
  graph.vertices.back() = exported;
  EXPECT_EQ(groups(), std::vector<Ids>{});
  add("noop", "the same meta", other);
  EXPECT_EQ(groups(), (std::vector<Ids>{{"noop[other meta]", "noop[the same meta]"}}));
}

TEST_F(GroupTest, OfRandomGraphsNoGroupHoldsAPathAndNoCycleComes) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    graph = {};
    edges.clear();
    std::size_t size = 2 + random() % 15;
    constexpr const char* kKinds[] = {"noop", "print", "timer"};
    for (std::size_t i = 0; i < size; ++i) add(kKinds[random() % 3], std::to_string(i));
    for (std::size_t i = random() % (2 * size); i > 0; --i) {
      auto a = static_cast<VertexId>(random() % size), b = static_cast<VertexId>(random() % size);
      if (a != b) edge(std::min(a, b), std::max(a, b));
    }
    graph.topology = Topology(size, edges);
    std::shared_ptr<const Groups> found = find_groups(graph);
    if (!found) continue;
    EXPECT_FALSE(found->topology.find_cycle());
    EXPECT_EQ(found->topology.topological_order().size(), found->topology.size());
    std::vector<std::vector<bool>> reaches(size, std::vector<bool>(size, false));
    for (std::size_t v = size; v-- > 0;)
      for (VertexId next : graph.topology.successors(static_cast<VertexId>(v)))
        for (std::size_t to = 0; to < size; ++to)
          if (to == next || reaches[next][to]) reaches[v][to] = true;
    for (VertexId a = 0; a < size; ++a)
      for (VertexId b = 0; b < size; ++b)
        if (found->of[a] == found->of[b]) EXPECT_FALSE(reaches[a][b]) << "round " << round;
    for (const Topology::Edge& edge : edges) {
      auto all = found->topology.successors(found->of[edge.from]);
      EXPECT_NE(std::ranges::find(all, found->of[edge.to]), all.end());
    }
  }
}

}  // namespace
}  // namespace mgmt
