// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/get.h"

#include <gtest/gtest.h>

namespace mgmt::cli {
namespace {

TEST(YamlText, LinesAreABlock) {
  EXPECT_EQ(yaml_text("a\n\n  b\n", 4), "|\n    a\n\n      b");
  EXPECT_EQ(yaml_text("a\nb", 2), "|-\n  a\n  b");
}

TEST(YamlText, WhatABlockWouldChangeIsInQuotes) {
  EXPECT_EQ(yaml_text("", 2), "\"\"");
  EXPECT_EQ(yaml_text("a", 2), "\"a\"");
  EXPECT_EQ(yaml_text(" a\nb\n", 2), "\" a\\nb\\n\"");
  EXPECT_EQ(yaml_text("a\n\n", 2), "\"a\\n\\n\"");
  EXPECT_EQ(yaml_text("a\r\n", 2), "\"a\\u000d\\n\"");
  EXPECT_EQ(yaml_text("\"\\\t\x7f", 2), "\"\\\"\\\\\\t\\u007f\"");
  EXPECT_EQ(yaml_text("a\n\xc2\x85\n", 2), "\"a\\n\\u0085\\n\"");
  EXPECT_EQ(yaml_text("\xe2\x82\xac\xf0\x9d\x84\x9e", 2), "\"\xe2\x82\xac\xf0\x9d\x84\x9e\"");
}

}  // namespace
}  // namespace mgmt::cli
