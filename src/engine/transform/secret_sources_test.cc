// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/secret_sources.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"
#include "src/resources/secrets.h"

namespace mgmt {
namespace {

std::shared_ptr<Declaration> file(const char* path, const char* param, Value value) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("file");
  declaration->name = path;
  declaration->params.set(
      static_cast<ParamIndex>(find_param(declaration->kind->params, param) - declaration->kind->params.data()),
      std::move(value), {});
  return declaration;
}

std::shared_ptr<Declaration> secret(const char* path, const char* content) {
  auto declaration = file(path, "content", Value(content));
  declaration->params.taint(declaration->params.items().front().index);
  return declaration;
}

// Which of them hold a secret in the end: "/a /b".
std::string secrets_in(std::vector<std::shared_ptr<const Declaration>> vertices) {
  auto graph = std::make_shared<ResourceGraph>();
  graph->topology = Topology(vertices.size(), {});
  graph->vertices = std::move(vertices);
  std::string names;
  for (const auto& declaration : taint_secret_sources(graph)->vertices)
    if (has_secrets(*declaration)) names += (names.empty() ? "" : " ") + declaration->name;
  return names;
}

TEST(SecretSources, ACopyOfASecretIsOne) {
  EXPECT_EQ(secrets_in({file("/b", "source", Value("/a")), secret("/a", "4711"), file("/c", "source", Value("/d"))}),
            "/b /a");
}

TEST(SecretSources, SoIsACopyOfTheCopyWhereverItStands) {
  EXPECT_EQ(secrets_in({file("/c", "source", Value("/b")), file("/b", "source", Value("/a")), secret("/a", "4711")}),
            "/c /b /a");
}

TEST(SecretSources, AFragmentAndATreeBringItAlong) {
  EXPECT_EQ(secrets_in({secret("/etc/a/key", "4711"), file("/x", "fragments", Value(List{Value("/etc/a/")})),
                        file("/t/", "source", Value("/etc/")), file("/u/", "source", Value("/etc/ab/"))}),
            "/etc/a/key /x /t/");
}

TEST(SecretSources, OneThatIsTooShortForAMaskCounts) {
  EXPECT_EQ(secrets_in({secret("/a", "7"), file("/b", "source", Value("/a"))}), "/a /b");
}

TEST(SecretSources, WithoutASecretTheGraphIsTheSameOne) {
  auto graph = std::make_shared<ResourceGraph>();
  graph->vertices.push_back(file("/a", "content", Value("x")));
  EXPECT_EQ(taint_secret_sources(graph), graph);
}

TEST(SecretSources, WhatIsCopiedIsNotShown) {
  Delta delta{{{.param = "content", .after = content_value("00", 4)}, {.param = "state", .after = Value("exists")}}};
  auto graph = std::make_shared<ResourceGraph>();
  graph->vertices = {secret("/a", "4711"), file("/b", "source", Value("/a"))};
  redact(delta, *taint_secret_sources(graph)->vertices[1]);
  EXPECT_TRUE(delta.changes[0].secret);
  EXPECT_TRUE(delta.changes[0].after.is_none());
  EXPECT_EQ(delta.changes[1].after, Value("exists"));
}

}  // namespace
}  // namespace mgmt
