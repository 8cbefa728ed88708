// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/collect.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::shared_ptr<const Declaration> exported(const char* kind, std::string name, std::string origin) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind(kind);
  declaration->name = std::move(name);
  declaration->origin = std::move(origin);
  return declaration;
}

std::vector<std::string> ids(const ResourceGraph& graph) {
  std::vector<std::string> result;
  for (const auto& declaration : graph.vertices) result.push_back(declaration->id());
  return result;
}

TEST(Collect, TakesByKindAndKeepsTheOriginInTheIdentity) {
  auto base = std::make_shared<ResourceGraph>();
  base->vertices.push_back(exported("noop", "own", ""));
  base->topology = Topology(1, {});
  base->collects.push_back({.kind = find_kind("noop")});
  std::vector all{exported("noop", "x", "a"), exported("print", "p", "a"), exported("noop", "x", "b")};
  Combined combined = combine(base, all);
  EXPECT_EQ(ids(*combined.graph), (std::vector<std::string>{"noop[own]", "noop[x]@a", "noop[x]@b"}));
  EXPECT_EQ(combined.graph->topology.size(), 3u);
  EXPECT_TRUE(combined.left_out.empty());
}

TEST(Collect, AnExecIsTakenOnlyIfAllowedAndAFileOnlyIntoItsPattern) {
  auto base = std::make_shared<ResourceGraph>();
  base->topology = Topology(0, {});
  base->collects.push_back({.kind = find_kind("exec")});
  base->collects.push_back({.kind = find_kind("file"), .pattern = "/srv/in/"});
  std::vector all{exported("exec", "true", "a"), exported("file", "/etc/motd", "a")};
  Combined combined = combine(base, all);
  EXPECT_EQ(ids(*combined.graph), (std::vector<std::string>{"file[/etc/motd]@a"}));
  ASSERT_EQ(combined.left_out.size(), 1u);
  EXPECT_EQ(combined.left_out[0],
            "exec[true]@a: not collected: an exec is collected only where `collect:` says `allow_exec: true`");
  EXPECT_EQ(combined.graph->vertices[0]->kind->managed_path(*combined.graph->vertices[0]), "/srv/in/motd");
}

TEST(Collect, OnePathHasOneManagerAndTheGraphsOwnComesFirst) {
  auto base = std::make_shared<ResourceGraph>();
  base->vertices.push_back(exported("file", "/srv/in/mine", ""));
  base->topology = Topology(1, {});
  base->collects.push_back({.kind = find_kind("file"), .pattern = "/srv/in/"});
  std::vector all{exported("file", "/x/mine", "a"), exported("file", "/x/theirs", "a"),
                  exported("file", "/y/theirs", "b")};
  Combined combined = combine(base, all);
  EXPECT_EQ(ids(*combined.graph), (std::vector<std::string>{"file[/srv/in/mine]", "file[/x/theirs]@a"}));
  EXPECT_EQ(
      combined.left_out,
      (std::vector<std::string>{"file[/x/mine]@a: not collected: file[/srv/in/mine] manages /srv/in/mine already",
                                "file[/y/theirs]@b: not collected: file[/x/theirs]@a manages /srv/in/theirs already"}));
}

}  // namespace
}  // namespace mgmt
