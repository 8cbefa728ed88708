// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/module.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace mgmt {
namespace {

// Where this test's program looks: ../lib/mgmt from its own folder.
std::filesystem::path place(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../lib/mgmt" / (name + ".so"))
      .lexically_normal();
}

TEST(Module, OneThatIsMissingIsNamedWithThePlace) {
  Result<const Module*> module = load_module("nothing");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().text(), "the module for `nothing`, " + place("nothing").native() + ", is not there");
  EXPECT_NE(module.error().hint_text(), "");
}

TEST(Module, WhatIsNoModuleIsRefused) {
  std::filesystem::create_directories(place("broken").parent_path());
  std::ofstream(place("broken")) << "not a library";
  Result<const Module*> module = load_module("broken");
  std::filesystem::remove(place("broken"));
  ASSERT_FALSE(module);
  EXPECT_NE(module.error().text().find("can't be loaded"), std::string::npos) << module.error().text();
}

TEST(Module, OneOfAnotherBuildIsRefused) {
  std::filesystem::create_directories(place("other").parent_path());
  std::filesystem::copy_file(MGMT_OTHER_MODULE, place("other"), std::filesystem::copy_options::overwrite_existing);
  Result<const Module*> module = load_module("other");
  std::filesystem::remove(place("other"));
  ASSERT_FALSE(module);
  EXPECT_NE(module.error().text().find("is of another build"), std::string::npos) << module.error().text();
}

TEST(Module, TheProgramHasABuildId) { EXPECT_EQ(build_id().size(), 40u); }

}  // namespace
}  // namespace mgmt
