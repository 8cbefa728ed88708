// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/graph/growing_order.h"

#include <gtest/gtest.h>

#include <random>

namespace mgmt {
namespace {

TEST(GrowingOrder, AnEdgeThatClosesACycleIsRefusedAndTheOthersStay) {
  GrowingOrder order(Topology(4, {{0, 1}}));
  EXPECT_TRUE(order.add(1, 2));
  EXPECT_FALSE(order.add(2, 0));
  EXPECT_FALSE(order.add(1, 1));
  EXPECT_TRUE(order.add(3, 0));
  EXPECT_FALSE(order.add(2, 3));
  EXPECT_TRUE(order.add(0, 2));
}

TEST(GrowingOrder, RefusesExactlyWhatASearchForCyclesFinds) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::size_t size = 2 + random() % 12;
    std::vector<Topology::Edge> edges;
    for (std::size_t i = random() % size; i > 0; --i) {
      auto a = static_cast<VertexId>(random() % size), b = static_cast<VertexId>(random() % size);
      if (a != b) edges.push_back({std::max(a, b), std::min(a, b)});  // without a cycle
    }
    GrowingOrder order(Topology(size, edges));
    for (int i = 0; i < 40; ++i) {
      auto from = static_cast<VertexId>(random() % size), to = static_cast<VertexId>(random() % size);
      edges.push_back({from, to});
      bool fits = !Topology(size, edges).find_cycle();
      EXPECT_EQ(order.add(from, to), fits) << "round " << round;
      if (!fits) edges.pop_back();
    }
  }
}

}  // namespace
}  // namespace mgmt
