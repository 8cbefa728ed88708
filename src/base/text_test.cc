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
