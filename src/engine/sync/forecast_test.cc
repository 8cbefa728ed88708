// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/sync/forecast.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

using Declared = std::shared_ptr<const Declaration>;

Declared file(const std::string& path, std::initializer_list<std::pair<const char*, Value>> params = {}) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("file");
  declaration->name = path;
  for (const auto& [name, value] : params)
    declaration->params.set(
        static_cast<ParamIndex>(find_param(declaration->kind->params, name) - declaration->kind->params.data()), value,
        {});
  return declaration;
}

Declared absent(const std::string& path) { return file(path, {{"state", Value("absent")}}); }

ResourceGraph graph(std::vector<Declared> vertices, Limits limits = {}) {
  ResourceGraph g;
  g.topology = Topology(vertices.size(), {});
  g.vertices = std::move(vertices);
  g.limits = std::move(limits);
  return g;
}

Delta removal(std::string item, std::uint64_t entries) {
  return {{{.param = "state",
            .item = std::move(item),
            .before = Value("exists"),
            .after = Value("absent"),
            .removes = entries}}};
}

std::vector<VertexId> previewed(const ResourceGraph& after, const ResourceGraph& before = graph({})) {
  return to_be_previewed(before, after, 2);
}

TEST(Forecast, NothingIsLookedAtWhereNothingCanGoTooFar) {
  EXPECT_TRUE(previewed(graph({file("/a", {{"content", Value("x")}}), absent("/b"), absent("/c")})).empty());
}

TEST(Forecast, WhatMayRemoveMoreThanIsAllowedIsLookedAt) {
  EXPECT_EQ(previewed(graph({file("/a"), absent("/b"), absent("/c"), absent("/d")})), (std::vector<VertexId>{1, 2, 3}));
  Value yes(true);
  EXPECT_EQ(previewed(graph({file("/a"), file("/t/", {{"recurse", yes}, {"purge", yes}})})), std::vector<VertexId>{1});
  EXPECT_EQ(previewed(graph({file("/t/", {{"recurse", yes}, {"state", Value("absent")}})})), std::vector<VertexId>{0});
  EXPECT_EQ(previewed(graph({file("/f", {{"force", yes}})})), std::vector<VertexId>{0});
}

TEST(Forecast, WhatIsKeptWasLookedAtBeforeUnlessOthersArePartOfIt) {
  Declared b = absent("/b"), c = absent("/c"), d = absent("/d");
  EXPECT_TRUE(previewed(graph({b, c, d, absent("/e")}), graph({b, c, d})).empty());
  Declared purge = file("/t/", {{"recurse", Value(true)}, {"purge", Value(true)}});
  EXPECT_EQ(previewed(graph({purge}), graph({purge, file("/t/a")})), std::vector<VertexId>{0});
}

TEST(Forecast, LimitsSayWhatElseIsLookedAt) {
  Declared a = file("/a");
  EXPECT_EQ(previewed(graph({a, file("/b")}, {.changes = 5}), graph({a})), std::vector<VertexId>{1});
  EXPECT_EQ(previewed(graph({a}, {.protect = {"/etc"}})), std::vector<VertexId>{0});
}

TEST(Forecast, WhatRunsNowhereHereIsNot) {
  auto hidden = std::make_shared<Declaration>(*file("/f", {{"force", Value(true)}}));
  hidden->exported = true;
  auto dry = std::make_shared<Declaration>(*file("/g", {{"force", Value(true)}}));
  Meta meta;
  meta.noop = true;
  dry->meta = std::make_shared<const Meta>(meta);
  EXPECT_TRUE(previewed(graph({hidden, dry})).empty());
}

TEST(Forecast, WhatLiesWithinAnotherRemovalIsCountedOnce) {
  Forecast forecast;
  forecast.add(*absent("/d/a"), removal("", 1));
  forecast.add(*absent("/d/"), removal("", 30));
  forecast.add(*absent("/d.x"), removal("", 1));
  forecast.finish();
  EXPECT_EQ(forecast.removed, 31u);
  ASSERT_EQ(forecast.removals.size(), 2u);
  EXPECT_EQ(forecast.removals[1].path, "/d");
}

TEST(Forecast, AFolderThatHasToBeEmptyFirstIsOneMore) {
  Forecast forecast;
  forecast.add(*absent("/d/a"), removal("", 1));
  forecast.add_unknown(*absent("/d/"));
  forecast.finish();
  EXPECT_EQ(forecast.removed, 2u);
}

TEST(Forecast, EachEntryOfATreeIsAChange) {
  Forecast forecast;
  Delta delta = removal("x", 4);
  delta.changes.push_back({.param = "mode", .item = "x"});
  delta.changes.push_back({.param = "content", .item = "y"});
  delta.changes.push_back({.param = "refresh"});
  forecast.add(*file("/t/"), delta);
  forecast.finish();
  EXPECT_EQ(forecast.changes, 2u);
  EXPECT_EQ(forecast.removals.at(0).path, "/t/x");
}

}  // namespace
}  // namespace mgmt
