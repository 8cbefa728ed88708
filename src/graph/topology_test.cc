// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/graph/topology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mgmt {
namespace {

TEST(Topology, NeighboursInBothDirections) {
  Topology t(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}});
  EXPECT_EQ(std::vector(t.successors(0).begin(), t.successors(0).end()), (std::vector<VertexId>{1, 2}));
  EXPECT_EQ(std::vector(t.predecessors(3).begin(), t.predecessors(3).end()), (std::vector<VertexId>{1, 2}));
  EXPECT_TRUE(t.predecessors(0).empty());
}

TEST(Topology, ACycleIsReportedAsTheCycleAndNothingElse) {
  Topology t(6, {{5, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}, {0, 5}});
  EXPECT_EQ(t.find_cycle(), (std::vector<VertexId>{1, 2, 3}));
  EXPECT_EQ(Topology(2, {{0, 0}}).find_cycle(), (std::vector<VertexId>{0}));
  EXPECT_EQ(Topology(3, {{0, 1}, {1, 2}, {0, 2}}).find_cycle(), std::nullopt);
  EXPECT_EQ(Topology().find_cycle(), std::nullopt);
}

TEST(Topology, OrderPutsPredecessorsFirst) {
  std::mt19937 random(1);
  std::vector<Topology::Edge> edges;
  constexpr VertexId kSize = 200;
  for (int i = 0; i < 1000; ++i) {
    VertexId a = random() % kSize, b = random() % kSize;
    if (a != b) edges.push_back({std::min(a, b), std::max(a, b)});
  }
  Topology t(kSize, edges);
  std::vector<VertexId> order = t.topological_order();
  ASSERT_EQ(order.size(), kSize);
  std::vector<std::size_t> at(kSize);
  for (std::size_t i = 0; i < order.size(); ++i) at[order[i]] = i;
  for (const auto& edge : edges) EXPECT_LT(at[edge.from], at[edge.to]);
}

TEST(Topology, ComponentsAreWhatReachesEachOther) {
  Topology graph(6, {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {3, 4}, {4, 3}});
  std::vector<std::uint32_t> of = graph.components();
  EXPECT_EQ(of[0], of[1]);
  EXPECT_EQ(of[1], of[2]);
  EXPECT_EQ(of[3], of[4]);
  EXPECT_NE(of[2], of[3]);
  EXPECT_NE(of[5], of[0]);
  EXPECT_NE(of[5], of[3]);
}

TEST(Topology, ComponentsOfALongChainNeedNoDeepStack) {
  constexpr VertexId kSize = 1'000'000;
  std::vector<Topology::Edge> edges;
  for (VertexId v = 1; v < kSize; ++v) edges.push_back({v - 1, v});
  edges.push_back({kSize - 1, 0});
  Topology graph(kSize, std::move(edges));
  std::vector<std::uint32_t> of = graph.components();
  EXPECT_TRUE(std::ranges::all_of(of, [&](std::uint32_t c) { return c == of[0]; }));
}

}  // namespace
}  // namespace mgmt
