// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/undo.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::shared_ptr<Declaration> file(std::string name, std::string path, bool reverse = true) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("file");
  declaration->name = std::move(name);
  declaration->params.set(
      static_cast<ParamIndex>(find_param(declaration->kind->params, "path") - declaration->kind->params.data()),
      Value(std::move(path)), {});
  auto meta = std::make_shared<Meta>();
  meta->reverse = reverse;
  declaration->meta = meta;
  return declaration;
}

Undoing undoing(std::string name, std::string path) {
  auto declaration = file(name, std::move(path), false);
  declaration->undoes = "file[" + name + "]";
  return {declaration->undoes, declaration};
}

std::shared_ptr<ResourceGraph> graph(std::vector<std::shared_ptr<const Declaration>> vertices) {
  auto made = std::make_shared<ResourceGraph>();
  made->topology = Topology(vertices.size(), {});
  made->vertices = std::move(vertices);
  return made;
}

std::vector<std::string> names(const ResourceGraph& graph) {
  std::vector<std::string> all;
  for (const auto& declaration : graph.vertices) all.push_back(declaration->name);
  return all;
}

TEST(Undo, WhatIsStillDeclaredIsLeft) {
  auto base = graph({file("a", "/a")});
  EXPECT_EQ(add_undoings(base, std::vector{undoing("a", "/a")}).graph, base);
}

TEST(Undo, WhatHasLeftIsUndoneTheLastFirst) {
  Undone undone = add_undoings(graph({file("x", "/x")}), std::vector{undoing("a", "/a"), undoing("b", "/b")});
  EXPECT_EQ(names(*undone.graph), (std::vector<std::string>{"x", "b", "a"}));
  ASSERT_EQ(undone.graph->topology.edges().size(), 1u);
  EXPECT_EQ(undone.graph->topology.edges()[0].from, 1u);
  EXPECT_EQ(undone.graph->topology.edges()[0].to, 2u);
  EXPECT_EQ(undone.graph->edges.size(), 1u);
}

TEST(Undo, WhoTakesOverThePathDecidesWhatItHolds) {
  auto base = graph({file("other", "/a")});
  Undone undone = add_undoings(base, std::vector{undoing("a", "/a")});
  EXPECT_EQ(undone.graph, base);
  EXPECT_EQ(undone.superseded, std::vector<std::string>{"file[a]"});
}

TEST(Undo, WhatDoesNotAskForItAnyMoreIsLeft) {
  auto base = graph({file("a", "/a", false)});
  Undone undone = add_undoings(base, std::vector{undoing("a", "/a")});
  EXPECT_EQ(undone.graph, base);
  EXPECT_EQ(undone.superseded, std::vector<std::string>{"file[a]"});
}

TEST(Undo, WhoMovesToAnotherPathLeavesTheOldOneAsItWas) {
  Undone undone = add_undoings(graph({file("a", "/new")}), std::vector{undoing("a", "/old")});
  EXPECT_EQ(names(*undone.graph), (std::vector<std::string>{"a", "a (undone)"}));
  EXPECT_EQ(undone.graph->vertices[1]->undoes, "file[a]");
}

}  // namespace
}  // namespace mgmt
