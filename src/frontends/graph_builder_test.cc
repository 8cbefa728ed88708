// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/graph_builder.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

const Kind* noop() { return find_kind("noop"); }

Declaration declare(std::string name, SourcePos pos = {}) {
  Declaration declaration;
  declaration.kind = noop();
  declaration.name = std::move(name);
  declaration.pos = pos;
  return declaration;
}

GraphBuilder::Edge edge(std::string from, std::string to, SourcePos pos = {}) {
  return {.name = from + to, .from = {noop(), from, {}}, .to = {noop(), to, {}}, .pos = pos};
}

std::string errors(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.items()) out += diagnostic.text + "\n";
  return out;
}

TEST(GraphBuilder, EdgesMayComeBeforeTheirEnds) {
  GraphBuilder builder;
  builder.set_name("g");
  builder.add_source("g.yaml");
  builder.add_edge(edge("a", "b"));
  builder.add(declare("b"));
  builder.add(declare("a"));
  Diagnostics diagnostics;
  auto graph = std::move(builder).finish(diagnostics);
  ASSERT_TRUE(graph) << errors(diagnostics);
  EXPECT_EQ(graph->name, "g");
  ASSERT_EQ(graph->topology.edges().size(), 1u);
  EXPECT_EQ(graph->topology.edges()[0].from, 1u);
  EXPECT_EQ(graph->topology.edges()[0].to, 0u);
  EXPECT_EQ(graph->edges[0].name, "ab");
}

TEST(GraphBuilder, AnErrorFromBeforeGivesNoGraph) {
  GraphBuilder builder;
  builder.add(declare("a"));
  Diagnostics diagnostics;
  diagnostics.error({}, "from before");
  EXPECT_FALSE(std::move(builder).finish(diagnostics));
}

TEST(GraphBuilder, NamesBothPlacesOfADuplicateInTheirFiles) {
  GraphBuilder builder;
  std::uint16_t first = builder.add_source("first.yaml"), second = builder.add_source("second.yaml");
  builder.add(declare("a", {3, 5, first}));
  builder.add(declare("a", {7, 9, second}));
  Diagnostics diagnostics;
  EXPECT_FALSE(std::move(builder).finish(diagnostics));
  ASSERT_EQ(diagnostics.items().size(), 1u);
  EXPECT_EQ(diagnostics.items()[0].pos.line, 7u);
  EXPECT_NE(diagnostics.items()[0].hint.find("first.yaml:3:5"), std::string::npos) << diagnostics.items()[0].hint;
}

TEST(GraphBuilder, TheSameNameFromTwoHostsAndOnesOwnAreThree) {
  GraphBuilder builder;
  for (const char* origin : {"", "h1", "h2"}) {
    Declaration declaration = declare("a");
    declaration.origin = origin;
    builder.add(std::move(declaration));
  }
  Diagnostics diagnostics;
  EXPECT_TRUE(std::move(builder).finish(diagnostics)) << errors(diagnostics);
}

TEST(GraphBuilder, ANameWithoutAtSignsMeansOnesOwnBeforeTheExported) {
  GraphBuilder builder;
  Declaration exported = declare("a");
  exported.exported = true;
  builder.add(exported);
  builder.add(declare("a"));
  builder.add(declare("z"));
  exported.name = "b";
  builder.add(exported);
  builder.add_edge(edge("a", "z"));
  builder.add_edge(edge("@@a", "z"));
  builder.add_edge(edge("z", "b"));
  Diagnostics diagnostics;
  auto graph = std::move(builder).finish(diagnostics);
  ASSERT_TRUE(graph) << errors(diagnostics);
  ASSERT_EQ(graph->topology.edges().size(), 3u);
  EXPECT_EQ(graph->topology.edges()[0].from, 1u);
  EXPECT_EQ(graph->topology.edges()[1].from, 0u);
  EXPECT_EQ(graph->topology.edges()[2].to, 3u);
}

TEST(GraphBuilder, AnEdgeToABrokenResourceIsNoSecondError) {
  GraphBuilder builder;
  Declaration broken;
  broken.kind = find_kind("timer");  // needs an interval
  broken.name = "t";
  builder.add(std::move(broken), Unread{.params = {0}});
  builder.add(declare("a"));
  builder.add_edge({.name = "e", .from = {noop(), "a", {}}, .to = {find_kind("timer"), "t", {}}, .pos = {}});
  Diagnostics diagnostics;
  EXPECT_TRUE(std::move(builder).finish(diagnostics)) << errors(diagnostics);
}

TEST(GraphBuilder, WhatIsRequiredIsMissedAtTheResource) {
  const Kind* timer = find_kind("timer");
  bool has_required = false;
  for (const Param& param : timer->params) has_required = has_required || param.required;
  ASSERT_TRUE(has_required);
  GraphBuilder builder;
  Declaration declaration;
  declaration.kind = timer;
  declaration.name = "t";
  declaration.pos = {4, 2, 0};
  builder.add(std::move(declaration));
  Diagnostics diagnostics;
  EXPECT_FALSE(std::move(builder).finish(diagnostics));
  EXPECT_NE(errors(diagnostics).find("timer[t] has no `interval`"), std::string::npos) << errors(diagnostics);
}

TEST(GraphBuilder, ACycleIsShownAtItsLastEdgeAndCutIfLong) {
  GraphBuilder builder;
  for (int i = 0; i < 100; ++i) builder.add(declare(std::to_string(i)));
  for (int i = 0; i < 100; ++i)
    builder.add_edge(edge(std::to_string(i), std::to_string((i + 1) % 100), {static_cast<std::uint32_t>(i + 1), 1, 0}));
  Diagnostics diagnostics;
  EXPECT_FALSE(std::move(builder).finish(diagnostics));
  ASSERT_EQ(diagnostics.items().size(), 1u);
  const Diagnostic& cycle = diagnostics.items()[0];
  EXPECT_EQ(cycle.pos.line, 100u);
  EXPECT_TRUE(cycle.text.ends_with("-> noop[19] -> (80 more) -> noop[0]")) << cycle.text;
}

TEST(GraphBuilder, ManyEdgesToNothingAmongManyNamesAreQuick) {
  // A suggestion walks all names: without a limit this is 50,000 times 50,000.
  GraphBuilder builder;
  for (int i = 0; i < 50'000; ++i) builder.add(declare("resource" + std::to_string(i)));
  for (int i = 0; i < 50'000; ++i) builder.add_edge(edge("nothing" + std::to_string(i), "resource0"));
  Diagnostics diagnostics;
  EXPECT_FALSE(std::move(builder).finish(diagnostics));
  EXPECT_EQ(diagnostics.items().size(), 50'000u);
}

}  // namespace
}  // namespace mgmt
