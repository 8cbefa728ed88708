// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/duration.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using std::chrono::milliseconds;

std::string read(std::string_view text, std::string_view bare = "s") {
  auto duration = parse_duration(text, bare);
  return duration ? duration_text(*duration) : duration.error().text();
}

TEST(Duration, IsReadWithItsUnit) {
  EXPECT_EQ(read("500ms"), "500ms");
  EXPECT_EQ(read("5s"), "5s");
  EXPECT_EQ(read("2m"), "2m");
  EXPECT_EQ(read("1h"), "1h");
  EXPECT_EQ(read("1d"), "24h");
  EXPECT_EQ(read("1h30m"), "90m");
  EXPECT_EQ(read("1.5s"), "1500ms");
  EXPECT_EQ(read("-1s"), "-1s");
  EXPECT_EQ(read("0"), "0s");
}

TEST(Duration, ANumberAloneHasTheUnitThatItHadBefore) {
  EXPECT_EQ(parse_duration("5", "s").value(), milliseconds(5000));
  EXPECT_EQ(parse_duration("5", "ms").value(), milliseconds(5));
  EXPECT_EQ(parse_duration("0.25", "s").value(), milliseconds(250));
  EXPECT_EQ(parse_duration("-1", "s").value(), milliseconds(-1000));
}

TEST(Duration, OneThatMeansTheSameIsTheSame) {
  EXPECT_EQ(read("5000ms"), read("5"));
  EXPECT_EQ(read("120s"), read("2m"));
}

TEST(Duration, WhatIsNoneIsRefused) {
  for (const char* text : {"", "s", "5x", "5 s", "five", "1m30", "--5s", "-", "inf", "nan", "5e3", "0x5", "5S", "1,5s"})
    EXPECT_EQ(read(text), std::string("`") + text + "` is not a duration");
  EXPECT_EQ(read("0.0001"), "`0.0001` is not a whole number of milliseconds");
  EXPECT_EQ(read("99999999999999999d"), "`99999999999999999d` is too long a time");
  EXPECT_EQ(parse_duration("5x", "ms").error().hint_text(), "write 500ms, 5s, 2m or 1h; a number alone is in ms");
}

}  // namespace
}  // namespace mgmt
