// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/mask.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

std::string hidden(const Mask& mask, std::string text) {
  mask.hide(text);
  return text;
}

TEST(Mask, HidesATextWhereverItStands) {
  Mask mask;
  mask.add("hunter2");
  EXPECT_EQ(hidden(mask, "hunter2"), "***");
  EXPECT_EQ(hidden(mask, "a=hunter2, b=hunter2hunter2"), "a=***, b=******");
  EXPECT_EQ(hidden(mask, "hunter"), "hunter");
}

TEST(Mask, HidesTheLongestOfTextsThatHoldEachOther) {
  Mask mask;
  mask.add("hunter");
  mask.add("hunter2000");
  EXPECT_EQ(hidden(mask, "hunter2000 hunter"), "*** ***");
}

TEST(Mask, KnowsTheLinesOfATextOneByOne) {
  Mask mask;
  mask.add("first line\nsecond line\nok\n");
  EXPECT_EQ(hidden(mask, "it said second line"), "it said ***");
  EXPECT_EQ(hidden(mask, "ok"), "ok") << "too short to be looked for";
}

TEST(Mask, LooksIntoValuesAndDeltas) {
  Mask mask;
  mask.add(Value(Map{{"PASSWORD", Value(List{Value("hunter2"), Value(std::int64_t{123456})})}}));
  Delta delta{{{.param = "cmd",
                .item = "hunter2",
                .before = Value(List{Value("x hunter2")}),
                .after = Value(std::int64_t{123456}),
                .why = "hunter2",
                .text = std::make_shared<TextPair>(TextPair{"hunter2", "PASSWORD"})}}};
  mask.hide(delta);
  const Change& change = delta.changes[0];
  EXPECT_EQ(change.item, "***");
  EXPECT_EQ(change.before, Value(List{Value("x ***")}));
  EXPECT_EQ(change.after, Value("***"));
  EXPECT_EQ(change.why, "***");
  EXPECT_EQ(change.text->before, "***");
  EXPECT_EQ(change.text->after, "PASSWORD") << "the name of a variable is no secret";
}

}  // namespace
}  // namespace mgmt
