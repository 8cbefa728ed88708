// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/dot.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::shared_ptr<const Declaration> noop(std::string name, bool exported = false) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("noop");
  declaration->name = std::move(name);
  declaration->exported = exported;
  return declaration;
}

TEST(Dot, ShowsExportedVerticesAndNotifyingEdges) {
  ResourceGraph graph;
  graph.name = "web";
  graph.vertices = {noop("a"), noop("b", true), noop("c")};
  graph.topology = Topology(3, {{0, 1}, {1, 2}, {0, 2}});
  graph.edges = {{.name = "e1"}, {.name = "e2", .notify = true}, {.name = ""}};
  EXPECT_EQ(to_dot(graph),
            "digraph \"web\" {\n"
            "  node [shape=box];\n"
            "  v0 [label=\"noop[a]\"];\n"
            "  v1 [label=\"@@noop[b]\", style=dashed];\n"
            "  v2 [label=\"noop[c]\"];\n"
            "  v0 -> v1 [label=\"e1\"];\n"
            "  v1 -> v2 [label=\"e2 (notify)\", style=bold];\n"
            "  v0 -> v2;\n"
            "}\n");
}

TEST(Dot, AutomaticEdgesAreGrayAndSayWhy) {
  ResourceGraph graph;
  graph.vertices = {noop("a"), noop("b")};
  graph.topology = Topology(2, {{0, 1}});
  graph.edges = {{.name = "", .why = "its parent folder"}};
  EXPECT_NE(to_dot(graph).find("  v0 -> v1 [style=dashed, color=gray, tooltip=\"automatic: its parent folder\"];\n"),
            std::string::npos)
      << to_dot(graph);
}

TEST(Dot, AGroupIsABoxAroundItsMembers) {
  ResourceGraph graph;
  graph.vertices = {noop("a"), noop("b"), noop("c")};
  graph.topology = Topology(3, {});
  graph.groups = std::make_shared<const Groups>(Groups{.of = {0, 1, 0}, .topology = Topology(2, {})});
  EXPECT_NE(to_dot(graph).find("  subgraph cluster_0 {\n"
                               "    label=\"group of 2 noop\"; style=rounded; color=gray;\n"
                               "    v0; v2;\n"
                               "  }\n"),
            std::string::npos)
      << to_dot(graph);
}

TEST(Dot, NamesCannotEndTheirQuotesOrBecomeEscapes) {
  ResourceGraph graph;
  graph.name = "\"]; evil [\"";
  graph.vertices = {noop("a\\N\"b\n\x01\xff")};
  graph.topology = Topology(1, {});
  std::string text = to_dot(graph);
  EXPECT_NE(text.find("digraph \"\\\"]; evil [\\\"\" {"), std::string::npos) << text;
  EXPECT_NE(text.find("[label=\"noop[a\\\\N\\\"b\\\\n\\\\x01\\\\xff]\"]"), std::string::npos) << text;
}

TEST(Dot, AGraphOfNothing) { EXPECT_EQ(to_dot(ResourceGraph()), "digraph \"\" {\n  node [shape=box];\n}\n"); }

}  // namespace
}  // namespace mgmt
