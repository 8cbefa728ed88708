// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/run/critical_path.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(CriticalPath, IsTheChainThatTakesLongestAndNotTheOneWithMostVertices) {
  Topology topology(5, {{0, 1}, {1, 2}, {3, 4}});
  std::vector<float> seconds{1, 1, 1, 2, 5};
  CriticalPath path = critical_path(topology, seconds);
  EXPECT_EQ(path.path, (std::vector<VertexId>{3, 4}));
  EXPECT_DOUBLE_EQ(path.seconds, 7);
  EXPECT_DOUBLE_EQ(path.serial, 10);
}

TEST(CriticalPath, OfNothingIsNothing) { EXPECT_TRUE(critical_path(Topology(), {}).path.empty()); }

}  // namespace
}  // namespace mgmt
