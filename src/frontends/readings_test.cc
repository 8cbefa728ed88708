// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/readings.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

Declaration file(std::string name, std::vector<std::pair<const char*, Value>> params) {
  Declaration declaration;
  declaration.kind = find_kind("file");
  declaration.name = std::move(name);
  for (auto& [key, value] : params) {
    const Param* param = find_param(declaration.kind->params, key);
    declaration.params.set(static_cast<ParamIndex>(param - declaration.kind->params.data()), std::move(value), {});
  }
  return declaration;
}

Unread unread(std::vector<const char*> keys) {
  Unread result;
  std::span<const Param> table = find_kind("file")->params;
  for (const char* key : keys) result.params.push_back(static_cast<ParamIndex>(find_param(table, key) - table.data()));
  return result;
}

std::size_t errors(const Declaration& declaration, const Unread& what) {
  Diagnostics diagnostics;
  validate_readings(declaration, what, diagnostics);
  return diagnostics.items().size();
}

TEST(Readings, WhatHoldsWhateverWasMeantIsSaid) {
  Declaration both = file("/f", {{"content", Value("x")}, {"source", Value("/s")}});
  EXPECT_EQ(errors(both, {}), 1u);
  EXPECT_EQ(errors(both, unread({"mode"})), 1u);
  EXPECT_EQ(errors(both, unread({"mode", "symlink"})), 1u);
  EXPECT_EQ(errors(both, {.params = {}, .name = true}), 1u);
}

TEST(Readings, WhatDependsOnWhatWasMeantIsNot) {
  Declaration link = file("/f", {{"symlink", Value(true)}});
  EXPECT_EQ(errors(link, {}), 1u) << "it needs a source";
  EXPECT_EQ(errors(link, unread({"source"})), 0u);
  EXPECT_EQ(errors(link, unread({"state"})), 0u) << "one that is to be absent needs none";
}

TEST(Readings, WhereMuchIsUnreadNothingIsSaid) {
  Declaration both = file("/f", {{"content", Value("x")}, {"source", Value("/s")}});
  EXPECT_EQ(errors(both, unread({"mode", "owner", "group", "dirname", "basename", "state"})), 0u);
}

TEST(Readings, APathIsKnownIfNothingUnreadIsPartOfIt) {
  Declaration one = file("/f", {});
  EXPECT_EQ(managed_path_of_readings(one, unread({"content"})), "/f");
  EXPECT_EQ(managed_path_of_readings(one, unread({"basename"})), std::nullopt);
  EXPECT_EQ(managed_path_of_readings(one, {.params = {}, .name = true}), std::nullopt);
}

}  // namespace
}  // namespace mgmt
