// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/explain.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

ResourceGraph example() {
  ResourceGraph graph;
  graph.name = "web";
  graph.sources = {"web.yaml"};
  for (const char* name : {"a", "b\n", "c"}) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind("noop");
    declaration->name = name;
    graph.vertices.push_back(std::move(declaration));
  }
  graph.topology = Topology(3, {{0, 1}, {1, 2}});
  graph.edges = {{.name = "first", .notify = true, .pos = {12, 3, 0}}, {.name = "", .why = "its parent folder"}};
  return graph;
}

TEST(Explain, EachEdgeHasItsPlaceOrItsReason) {
  EXPECT_EQ(explain(example()),
            "noop[a] -> noop[b\\n]: written at web.yaml:12:3 as `first`, notifies\n"
            "noop[b\\n] -> noop[c]: automatic: its parent folder\n");
}

TEST(Explain, GroupsAreNamedWithTheirMembers) {
  ResourceGraph graph = example();
  graph.topology = Topology(3, {});
  graph.edges.clear();
  graph.groups = std::make_shared<const Groups>(Groups{.of = {0, 1, 0}, .topology = Topology(2, {})});
  EXPECT_EQ(explain(graph), "one group: noop[a], noop[c]\n");
  EXPECT_EQ(explain_json(graph), R"({"graph":"web","edges":[],"groups":[["noop[a]","noop[c]"]]})"
                                 "\n");
}

TEST(Explain, AsJson) {
  EXPECT_EQ(explain_json(example()),
            R"({"graph":"web","edges":[{"from":"noop[a]","to":"noop[b\n]","place":"web.yaml:12:3","name":"first",)"
            R"("notify":true},{"from":"noop[b\n]","to":"noop[c]","automatic":"its parent folder"}]})"
            "\n");
}

}  // namespace
}  // namespace mgmt
