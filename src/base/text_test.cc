// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace mgmt {
namespace {

constexpr std::array<std::string_view, 4> kWords{"content", "source", "state", "mode"};

TEST(Text, ASlipOfTheKeyboardFindsTheWord) {
  EXPECT_EQ(did_you_mean("contnet", kWords), "did you mean `content`?");
  EXPECT_EQ(did_you_mean("stat", kWords), "did you mean `state`?");
  EXPECT_EQ(did_you_mean("banana", kWords), "");
  EXPECT_EQ(did_you_mean("", kWords), "");
}

TEST(Text, PrintableEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\n");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(printable("\xff\xc2\x9b"), "\\xff\\xc2\\x9b");
  // RIGHT-TO-LEFT OVERRIDE and ISOLATE; next to them, what harms nobody.
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b\xe2\x81\xa7"),
            "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa7");
  EXPECT_EQ(printable("\xe2\x80\x93\xe2\x82\xac"), "\xe2\x80\x93\xe2\x82\xac");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a lone surrogate
}

TEST(Text, EnumerationReadsLikeASentence) { EXPECT_EQ(enumeration(kWords, "or"), "content, source, state or mode"); }

TEST(Text, SplitLinesCountsALastLineWithoutItsEnd) {
  EXPECT_EQ(split_lines("a\n\nb").size(), 3u);
  EXPECT_EQ(split_lines("a\n").size(), 1u);
  EXPECT_TRUE(split_lines("").empty());
}

}  // namespace
}  // namespace mgmt
