// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/sync/sync.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::shared_ptr<const Declaration> noop(std::string name, std::string comment = "", std::string origin = "") {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("noop");
  declaration->name = std::move(name);
  declaration->origin = std::move(origin);
  if (!comment.empty()) declaration->params.set(0, Value(std::move(comment)), {});
  return declaration;
}

ResourceGraph graph(std::vector<std::shared_ptr<const Declaration>> vertices) {
  ResourceGraph g;
  g.topology = Topology(vertices.size(), {});
  g.vertices = std::move(vertices);
  return g;
}

TEST(Sync, EqualIsKeptChangedIsReplacedTheRestComesAndGoes) {
  SyncPlan plan =
      plan_sync(graph({noop("a"), noop("b", "1"), noop("c")}), graph({noop("d"), noop("b", "2"), noop("a")}));
  EXPECT_EQ(plan.matches[0].old, SyncPlan::kNone);
  EXPECT_EQ(plan.matches[1].old, 1u);
  EXPECT_FALSE(plan.matches[1].same);
  EXPECT_EQ(plan.matches[2].old, 0u);
  EXPECT_TRUE(plan.matches[2].same);
  EXPECT_EQ(plan.removed, (std::vector<VertexId>{2}));
  EXPECT_EQ(plan.kept + plan.changed + plan.added, 3u);
}

TEST(Sync, TheOriginIsPartOfTheIdentity) {
  SyncPlan plan = plan_sync(graph({noop("a", "", "host1")}), graph({noop("a", "", "host2"), noop("a", "", "host1")}));
  EXPECT_EQ(plan.matches[0].old, SyncPlan::kNone);
  EXPECT_EQ(plan.matches[1].old, 0u);
}

TEST(Sync, HiddenOnesOfOneNameAreToldApartByTheirHosts) {
  auto hidden = [](std::vector<std::string> hosts) {
    auto declaration = std::make_shared<Declaration>(*noop("a"));
    Meta meta;
    meta.hidden = true;
    meta.exports = std::move(hosts);
    declaration->exported = true;
    declaration->meta = std::make_shared<const Meta>(std::move(meta));
    return declaration;
  };
  SyncPlan plan = plan_sync(graph({hidden({"x"}), hidden({"y"}), noop("a")}), graph({noop("a"), hidden({"y"})}));
  EXPECT_EQ(plan.matches[0].old, 2u);
  EXPECT_EQ(plan.matches[1].old, 1u);
  EXPECT_TRUE(plan.matches[1].same);
  EXPECT_EQ(plan.removed, std::vector<VertexId>{0});
}

TEST(Sync, FromNothingAndToNothing) {
  EXPECT_EQ(plan_sync(graph({}), graph({noop("a")})).added, 1u);
  EXPECT_EQ(plan_sync(graph({noop("a")}), graph({})).removed.size(), 1u);
}

}  // namespace
}  // namespace mgmt
