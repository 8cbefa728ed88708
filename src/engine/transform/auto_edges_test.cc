// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/auto_edges.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

using Settings = std::vector<std::pair<std::string_view, Value>>;
using Lines = std::vector<std::string>;

struct AutoEdgesTest : testing::Test {
  ResourceGraph graph;
  std::vector<Topology::Edge> edges;
  Meta meta;

  VertexId add(const char* kind, std::string name, const Settings& settings = {}) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind(kind);
    declaration->name = std::move(name);
    for (const auto& [param, value] : settings)
      declaration->params.set(
          static_cast<ParamIndex>(find_param(declaration->kind->params, param) - declaration->kind->params.data()),
          value, {});
    declaration->meta = std::make_shared<const Meta>(meta);
    graph.vertices.push_back(std::move(declaration));
    return static_cast<VertexId>(graph.vertices.size() - 1);
  }
  VertexId file(std::string path, const Settings& settings = {}) { return add("file", std::move(path), settings); }
  VertexId absent(std::string path) { return file(std::move(path), {{"state", Value("absent")}}); }
  void edge(VertexId from, VertexId to, bool notify = false) {
    edges.push_back({from, to});
    graph.edges.push_back({.name = "mine", .notify = notify});
  }
  AutoEdges run() {
    graph.topology = Topology(graph.vertices.size(), edges);
    AutoEdges result = add_auto_edges(std::make_shared<const ResourceGraph>(graph));
    EXPECT_FALSE(result.graph->topology.find_cycle());
    EXPECT_EQ(result.graph->topology.edges().size(), result.graph->edges.size());
    return result;
  }
  static std::string line(const ResourceGraph& of, VertexId from, VertexId to, std::string_view why) {
    return fmt::format("{} -> {}: {}", of.vertices[from]->id(), of.vertices[to]->id(), why);
  }
  static Lines found(const AutoEdges& result) {
    Lines lines;
    for (std::size_t e = 0; e < result.graph->edges.size(); ++e) {
      Topology::Edge ends = result.graph->topology.edges()[e];
      if (!result.graph->edges[e].why.empty())
        lines.push_back(line(*result.graph, ends.from, ends.to, result.graph->edges[e].why));
    }
    return lines;
  }
  static Lines left_out(const AutoEdges& result) {
    Lines lines;
    for (const auto& [from, to, why] : result.left_out) lines.push_back(line(*result.graph, from, to, why));
    return lines;
  }
};

Value list(std::initializer_list<const char*> items) {
  List values;
  for (const char* item : items) values.emplace_back(item);
  return Value(std::move(values));
}

TEST_F(AutoEdgesTest, AFileComesAfterItsNearestFolder) {
  file("/a/b/c/d");
  file("/a/");
  file("/a/b/");
  file("/ab/x");
  EXPECT_EQ(found(run()),
            (Lines{"file[/a/b/] -> file[/a/b/c/d]: its parent folder", "file[/a/] -> file[/a/b/]: its parent folder"}));
}

TEST_F(AutoEdgesTest, WhatIsRemovedGoesBeforeItsFolderAndBringsNothing) {
  absent("/gone/");
  absent("/gone/sub/file");
  file("/gone/contradiction", {{"content", Value("")}});
  file("/stays/");
  absent("/stays/file");
  EXPECT_EQ(found(run()), (Lines{"file[/gone/sub/file] -> file[/gone/]: it removes the folder that this lies in",
                                 "file[/stays/] -> file[/stays/file]: its parent folder"}));
}

TEST_F(AutoEdgesTest, ACopyComesAfterItsSourceAndAllInIt) {
  file("/from/");
  file("/from/a", {{"content", Value("")}});
  file("/to/", {{"source", Value("/from/")}, {"recurse", Value(true)}});
  file("/whole", {{"fragments", list({"/parts/", "/last"})}});
  file("/parts/10", {{"content", Value("")}});
  file("/last", {{"content", Value("")}});
  EXPECT_EQ(found(run()),
            (Lines{"file[/from/] -> file[/from/a]: its parent folder", "file[/from/] -> file[/to/]: its source",
                   "file[/from/a] -> file[/to/]: its source", "file[/parts/10] -> file[/whole]: one of its fragments",
                   "file[/last] -> file[/whole]: one of its fragments"}));
}

TEST_F(AutoEdgesTest, AnExecComesAfterWhatItRunsWatchesAndWorksIn) {
  for (const char* path : {"/bin/tool", "/bin/ask", "/work/", "/conf", "/tree/x/y", "/out/", "/shell"}) file(path);
  add("exec", "e",
      {{"cmd", Value(" /bin//tool --now")},
       {"ifcmd", Value("/bin/ask")},
       {"ifshell", Value("/shell")},
       {"cwd", Value("/work")},
       {"creates", Value("/out/made")},
       {"watchfiles", list({"/conf", "/tree/"})}});
  add("exec", "/bin/tool as its name");
  add("exec", "tool from PATH");
  EXPECT_EQ(found(run()),
            (Lines{"file[/bin/tool] -> exec[e]: the program that it runs",
                   "file[/work/] -> exec[e]: the folder that it works in",
                   "file[/bin/ask] -> exec[e]: a program that it asks", "file[/shell] -> exec[e]: its shell",
                   "file[/out/] -> exec[e]: the folder of what it creates", "file[/conf] -> exec[e]: it watches it",
                   "file[/tree/x/y] -> exec[e]: it watches it",
                   "file[/bin/tool] -> exec[/bin/tool as its name]: the program that it runs"}));
}

TEST_F(AutoEdgesTest, AnEdgeOfTheUserStaysAsItIsInEitherDirection) {
  VertexId folder = file("/a/"), inside = file("/a/b");
  VertexId conf = file("/conf"), exec = add("exec", "e", {{"watchfiles", list({"/conf"})}});
  edge(folder, inside, true);
  edge(exec, conf);
  AutoEdges result = run();
  EXPECT_EQ(found(result), Lines{});
  EXPECT_TRUE(result.left_out.empty());
  EXPECT_TRUE(result.graph->edges[0].notify);
  EXPECT_EQ(result.graph->edges[0].name, "mine");
}

TEST_F(AutoEdgesTest, AutoedgeFalseOnEitherSideAndHiddenOnesTakeNoPart) {
  file("/a/");
  file("/b/b");
  auto exported = std::make_shared<Declaration>(*graph.vertices[file("/a/exported")]);
  exported->exported = true;
  graph.vertices.back() = exported;
  meta.autoedge = false;
  file("/a/a");
  file("/b/");
  EXPECT_EQ(found(run()), Lines{});
}

TEST_F(AutoEdgesTest, OnlyWhatClosesACycleIsLeftOut) {
  VertexId folder = file("/a/"), inside = file("/a/b"), other = file("/a/c");
  VertexId between = add("noop", "between");
  edge(inside, between);
  edge(between, folder);
  (void)other;
  AutoEdges result = run();
  EXPECT_EQ(found(result), Lines{"file[/a/] -> file[/a/c]: its parent folder"});
  EXPECT_EQ(left_out(result), Lines{"file[/a/] -> file[/a/b]: its parent folder"});
}

TEST_F(AutoEdgesTest, OfACycleOfAutomaticEdgesOneIsLeftOut) {
  // Each runs the program that the other's folder holds.
  file("/a/", {{"source", Value("/b/")}, {"recurse", Value(true)}});
  file("/b/", {{"source", Value("/a/")}, {"recurse", Value(true)}});
  AutoEdges result = run();
  EXPECT_EQ(found(result), Lines{"file[/b/] -> file[/a/]: its source"});
  EXPECT_EQ(left_out(result), Lines{"file[/a/] -> file[/b/]: its source"});
}

TEST_F(AutoEdgesTest, NothingToAddIsTheSameGraph) {
  file("/a");
  file("/b");
  graph.topology = Topology(2, {});
  auto base = std::make_shared<const ResourceGraph>(graph);
  EXPECT_EQ(add_auto_edges(base).graph, base);
}

TEST_F(AutoEdgesTest, AMillionEdgesOfTreesAreTheMost) {
  for (int i = 0; i < 1200; ++i) file(fmt::format("/tree/{}", i));
  for (int i = 0; i < 1200; ++i) add("exec", fmt::format("e{}", i), {{"watchfiles", list({"/tree/"})}});
  AutoEdges result = run();
  EXPECT_TRUE(result.too_many);
  EXPECT_GE(result.graph->edges.size(), 1'000'000u);
  EXPECT_LT(result.graph->edges.size(), 1'010'000u);
}

}  // namespace
}  // namespace mgmt
