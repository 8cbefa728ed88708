// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/path.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(Path, CleanRemovesDotsDoubleAndTrailingSlashes) {
  EXPECT_EQ(clean_path("//a/./b//c/"), "/a/b/c");
  EXPECT_EQ(clean_path("/a/../../b"), "/b");
  EXPECT_EQ(clean_path("/.."), "/");
  for (const char* clean : {"/", "/a", "/a/b", "/.a", "/a/..b"}) EXPECT_EQ(clean_path(clean), clean);
  EXPECT_EQ(clean_path("/a/b/"), "/a/b");
  EXPECT_EQ(clean_path("/a//"), "/a");
  EXPECT_EQ(clean_path("a/b"), "/a/b");
}

TEST(Path, ParentAndBaseIgnoreATrailingSlash) {
  EXPECT_EQ(parent_path("/a/b/"), "/a");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(base_name("/a/b/"), "b");
  EXPECT_EQ(base_name("/"), "");
}

TEST(Path, WithinIsByComponentNotByPrefix) {
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_FALSE(is_within("/ab", "/a"));
  EXPECT_TRUE(is_within("/a", "/"));
}

}  // namespace
}  // namespace mgmt
