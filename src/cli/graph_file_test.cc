// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/graph_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "src/cli/init.h"
#include "src/frontends/yaml/yaml.h"
#include "src/resources/kind.h"

namespace mgmt::cli {
namespace {

namespace fs = std::filesystem;

struct GraphFileTest : testing::Test {
  fs::path top;

  void SetUp() override {
    char name[] = "/tmp/mgmt-graphs-XXXXXX";
    top = mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(top); }

  std::string put(const std::string& name, const std::string& text) {
    fs::create_directories((top / name).parent_path());
    std::ofstream(top / name) << text;
    return top / name;
  }
  static std::string noop(const std::string& name) {
    return "graph: " + name + "\nresources:\n  noop:\n  - name: " + name + "\n";
  }
  std::string text_of(const GraphFile& file) {
    std::string text = file.text();
    for (std::size_t at = 0; (at = text.find(top.string(), at)) != text.npos;)
      text.replace(at, top.string().size(), "T");
    return text;
  }
};

TEST_F(GraphFileTest, AFolderIsItsYamlFilesByName) {
  put("web/20.yaml", noop("second"));
  put("web/10.yaml", noop("first"));
  put("web/.10.yaml.swp", "no graph");
  put("web/notes.txt", "no graph");
  put("web/below/30.yaml", "no graph");
  fs::create_directory(top / "web/folder.yaml");
  GraphFile file = GraphFiles({(top / "web").string()}).load();
  ASSERT_TRUE(file.graph) << file.text();
  EXPECT_EQ(file.graph->name, "web");
  ASSERT_EQ(file.graph->vertices.size(), 2u);
  EXPECT_EQ(file.graph->vertices[0]->name, "first");
  EXPECT_EQ(file.graph->place_of(file.graph->vertices[1]->pos), (top / "web/20.yaml").string() + ":4:11");
}

TEST_F(GraphFileTest, TheFirstFileNamesTheGraph) {
  GraphFile file = GraphFiles({put("b.yaml", noop("b")), put("a.yaml", noop("a"))}).load();
  ASSERT_TRUE(file.graph) << file.text();
  EXPECT_EQ(file.graph->name, "b");
}

TEST_F(GraphFileTest, ErrorsNameTheFileThatTheyAreIn) {
  std::string a = put("a.yaml", noop("x")),
              b = put("b.yaml", "graph: b\nresources:\n  noop:\n  - name: x\n  nop: []\n");
  EXPECT_EQ(text_of(GraphFiles({a, b}).load()),
            "T/b.yaml:4:11: error: noop[x] is declared twice\n"
            "  4 |   - name: x\n"
            "    |           ^\n"
            "  hint: it is declared at T/a.yaml:4:11 already: give one of them another name\n"
            "T/b.yaml:5:3: error: unknown kind `nop`\n"
            "  5 |   nop: []\n"
            "    |   ^~~\n"
            "  hint: did you mean `noop`?\n");
}

TEST_F(GraphFileTest, WhatTwoFilesSayOfOneThingNamesTheOtherFile) {
  std::string a = put("a.yaml", "graph: a\ncollect:\n- kind: file\n"),
              b = put("b.yaml", "graph: b\ncollect:\n- kind: file\n");
  EXPECT_EQ(text_of(GraphFiles({a, b}).load()),
            "T/b.yaml:3:3: error: file is collected twice\n"
            "  3 | - kind: file\n"
            "    |   ^~~~\n"
            "  hint: it is collected at T/a.yaml:3:3 already\n");
}

TEST_F(GraphFileTest, ASyntaxErrorInOneHidesNoOtherFiles) {
  std::string a = put("a.yaml", "graph: [\n"), b = put("b.yaml", "");
  std::string text = text_of(GraphFiles({a, b, top / "c.yaml"}).load());
  EXPECT_EQ(text, "T/c.yaml: error: opening T/c.yaml: No such file or directory\n");
  text = text_of(GraphFiles({a, b}).load());
  EXPECT_NE(text.find("T/a.yaml:"), std::string::npos) << text;
  EXPECT_NE(text.find("T/b.yaml:1:1: error: the file is empty"), std::string::npos) << text;
}

TEST_F(GraphFileTest, AnEmptyFolderIsNoEmptyGraph) {
  fs::create_directory(top / "web");
  EXPECT_EQ(text_of(GraphFiles({(top / "web").string()}).load()),
            "T/web: error: there is no *.yaml in the folder T/web\n"
            "  hint: its files are read in the order of their names, those below it are not\n");
}

TEST_F(GraphFileTest, ARelativeSourceIsBesideItsFile) {
  std::string a = put("sub/a.yaml",
                      "graph: a\nresources:\n  file:\n  - {name: f, path: /f, source: files/f}\n"
                      "  - {name: t, path: /t/, source: ../tree/, recurse: true}\n"
                      "  - {name: l, path: /l, source: ../x, symlink: true}\n");
  GraphFile file = GraphFiles({a}).load();
  ASSERT_TRUE(file.graph) << file.text();
  auto source = [&](std::size_t v) {
    for (const Params::Item& item : file.graph->vertices[v]->params.items())
      if (file.graph->vertices[v]->kind->params[item.index].name == "source") return item.value.get<std::string>();
    return std::string();
  };
  EXPECT_EQ(source(0), (top / "sub/files/f").string());
  EXPECT_EQ(source(1), (top / "tree").string() + "/");
  EXPECT_EQ(source(2), "../x");
}

TEST_F(GraphFileTest, ASecretThatOthersCanReadIsWarnedOf) {
  std::string a = put("a.yaml", "graph: a\nresources:\n  print:\n  - name: p\n    msg: !secret hush\n");
  ::chmod(a.c_str(), 0644);
  EXPECT_EQ(text_of(GraphFiles({a}).load()), "") << "nobody else gets into the folder";
  ::chmod(top.c_str(), 0755);
  EXPECT_EQ(text_of(GraphFiles({a}).load()),
            "T/a.yaml:5: warning: a secret is written here, and everybody on this machine can read it (mode 0644)\n"
            "  hint: chmod o-r T/a.yaml\n");
  ::chmod(a.c_str(), 0640);
  EXPECT_EQ(text_of(GraphFiles({a}).load()), "");
}

TEST(FirstGraph, IsRightWhereverItIsWritten) {
  for (const char* folder : {"/", "/home/a b", "/srv/\"{x}\\'$"}) {
    yaml::Loaded loaded = yaml::load(first_graph(folder), "graph.yaml");
    EXPECT_TRUE(loaded.graph) << loaded.rendered;
    EXPECT_EQ(loaded.rendered, "");
  }
}

}  // namespace
}  // namespace mgmt::cli
