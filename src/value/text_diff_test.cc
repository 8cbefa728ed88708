// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/text_diff.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(TextDiff, EqualTextsHaveNone) { EXPECT_EQ(unified_diff("a\nb\n", "a\nb\n"), ""); }

TEST(TextDiff, ChangedLineInContext) {
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(TextDiff, FromAndToNothing) {
  EXPECT_EQ(unified_diff("", "a\n"), "@@ -0,0 +1,1 @@\n+a\n");
  EXPECT_EQ(unified_diff("a\n", ""), "@@ -1,1 +0,0 @@\n-a\n");
}

TEST(TextDiff, AMissingNewlineAtTheEndIsSaid) {
  EXPECT_EQ(unified_diff("a", "a\n"), "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

TEST(TextDiff, BinaryControlCharactersAndLength) {
  EXPECT_EQ(unified_diff(std::string("a\0b", 3), "x"), "(binary content differs)\n");
  EXPECT_EQ(unified_diff("\x1b[2J\n", ""), "@@ -1,1 +0,0 @@\n-\\x1b[2J\n");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += std::to_string(i) + "\n";
  std::string diff = unified_diff("", many, 10);
  EXPECT_NE(diff.find("more lines"), std::string::npos);
}

}  // namespace
}  // namespace mgmt
