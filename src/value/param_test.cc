// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/param.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

constexpr Param kTable[] = {
    {.name = "state", .type = kStr, .values = {{"exists", "absent"}}},
    {.name = "level", .type = kInt, .min = 1, .max = 10, .aliases = {{"depth"}}},
    {.name = "interval", .type = kDuration, .min = 10, .max = 60'000, .unit = "s"},
    {.name = "flag", .type = kBool},
};

TEST(Param, AnAliasFindsItsParameter) { EXPECT_EQ(find_param(kTable, "depth"), &kTable[1]); }

TEST(Param, AClosedValueNamesTheChoicesAndTheNearest) {
  auto wrong = check_value(kTable[0], Value("exist"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().text(), "`state` can be exists or absent, not `exist`");
  EXPECT_EQ(wrong.error().hint_text(), "did you mean `exists`?");
}

TEST(Param, ARangeIsInclusive) {
  EXPECT_TRUE(check_value(kTable[1], Value(std::int64_t{10})));
  EXPECT_EQ(check_value(kTable[1], Value(std::int64_t{0})).error().text(), "`level` must be at least 1, not 0");
}

TEST(Param, ADurationIsStoredWithItsUnitHoweverItIsWritten) {
  for (Value written : {Value("2m"), Value("120s"), Value("120"), Value(std::int64_t{120})})
    EXPECT_EQ(check_value(kTable[2], written).error().text(), "`interval` must be at most 1m, not 2m");
  for (Value written : {Value("5s"), Value("5000ms"), Value("5"), Value("0x5"), Value(std::int64_t{5})})
    EXPECT_EQ(check_value(kTable[2], written).value(), Value("5s"));
  EXPECT_EQ(check_value(kTable[2], Value("1ms")).error().text(), "`interval` must be at least 10ms, not 1ms");
  EXPECT_EQ(check_value(kTable[2], Value("soon")).error().text(), "`interval`: `soon` is not a duration");
  Params params;
  params.set(2, *check_value(kTable[2], Value("500ms")), {});
  EXPECT_EQ(params.find_duration(2), std::chrono::milliseconds(500));
  EXPECT_EQ(params.find_duration(1), std::nullopt);
}

TEST(Param, ScalarsAreReadByTheTypeAndNotByYamlsGuess) {
  EXPECT_EQ(parse_scalar(kStr, "no")->get<std::string>(), "no");
  EXPECT_EQ(parse_scalar(kStr, "1.10")->get<std::string>(), "1.10");
  EXPECT_EQ(parse_scalar(kBool, "no")->get<bool>(), false);
  EXPECT_EQ(parse_scalar(kInt, "0x10")->get<std::int64_t>(), 16);
  EXPECT_EQ(parse_scalar(kInt, "-9223372036854775808")->get<std::int64_t>(), INT64_MIN);
  EXPECT_FALSE(parse_scalar(kInt, "9223372036854775808"));
  EXPECT_FALSE(parse_scalar(kInt, "1e3"));
  EXPECT_FALSE(parse_scalar(kInt, ""));
  EXPECT_FALSE(parse_scalar(kInt, "--1"));
}

TEST(Params, ComparisonIgnoresWhereAValueIsWritten) {
  Params a, b;
  a.set(1, Value(std::int64_t{3}), {.line = 1});
  a.set(0, Value("exists"), {.line = 2});
  b.set(0, Value("exists"), {.line = 9});
  b.set(1, Value(std::int64_t{3}), {.line = 8});
  EXPECT_EQ(a, b);
  b.set(2, Value(true), {});
  EXPECT_FALSE(a == b);
}

}  // namespace
}  // namespace mgmt
