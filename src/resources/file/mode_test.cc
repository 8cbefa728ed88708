// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/mode.h"

#include <gtest/gtest.h>

namespace mgmt::file {
namespace {

std::string canonical(std::string_view text) { return canonical_mode(text).value(); }
mode_t of(std::string_view text, mode_t current, bool is_folder = false) {
  return Mode::parse(text)->of(current, is_folder);
}

TEST(Mode, OctalFormsAreOne) {
  for (const char* text : {"644", "0644", "0o644", "00644"}) EXPECT_EQ(canonical(text), "0644") << text;
  EXPECT_EQ(canonical("4755"), "4755");
  EXPECT_EQ(canonical("0"), "0000");
}

TEST(Mode, SymbolsThatSayAllAreOctal) {
  EXPECT_EQ(canonical("u=rw,go=r"), "0644");
  EXPECT_EQ(canonical("a=r"), "0444");
  EXPECT_EQ(canonical("=rx"), "0555");
  EXPECT_EQ(canonical("u=rwxs,g=rx,o=rx"), "4755");
  EXPECT_EQ(canonical("a=rwx,o+t"), "1777");
  EXPECT_EQ(canonical("a=rx,u+w"), "0755");
}

TEST(Mode, SymbolsThatChangeStaySymbolsInOneOrder) {
  EXPECT_EQ(canonical("g+w"), "g+w");
  EXPECT_EQ(canonical("og-xr"), "go-rx");
  EXPECT_EQ(canonical("u=rw"), "u=rw");
  EXPECT_EQ(canonical("+x"), "a+x");
  EXPECT_EQ(canonical("ugo+x"), "a+x");
  EXPECT_EQ(canonical("u+r-w"), "u+r,u-w");
  EXPECT_EQ(canonical("a=rX"), "a=rX") << "X depends on what is there";
}

TEST(Mode, RelativeOnesStartFromWhatIsThere) {
  EXPECT_EQ(of("g+w", 0644), 0664U);
  EXPECT_EQ(of("go-r,u+x", 0644), 0700U);
  EXPECT_EQ(of("u=rw", 04755), 0655U);
  EXPECT_EQ(of("a+X", 0644), 0644U);
  EXPECT_EQ(of("a+X", 0744), 0755U);
  EXPECT_EQ(of("a+X", 0644, true), 0755U);
  EXPECT_EQ(of("g+s", 0755, true), 02755U);
  EXPECT_EQ(of("a-s", 06755), 0755U);
}

TEST(Mode, WhatIsNoneSaysWhy) {
  EXPECT_STREQ(Mode::parse("0984").error().what(), "`0984` is not a mode: its digits go from 0 to 7");
  EXPECT_STREQ(Mode::parse("77777").error().what(), "`77777` is not a mode: it is above 7777");
  EXPECT_STREQ(Mode::parse("99999999999999999999").error().what(),
               "`99999999999999999999` is not a mode: its digits go from 0 to 7");
  EXPECT_STREQ(Mode::parse("u=rq").error().what(), "`u=rq` is not a mode: what is `q`?");
  EXPECT_STREQ(Mode::parse("k+r").error().what(), "`k+r` is not a mode: what is `k`?");
  EXPECT_STREQ(Mode::parse("u").error().what(), "`u` is not a mode: a part has none of = + -");
  EXPECT_STREQ(Mode::parse("u=r,").error().what(), "`u=r,` is not a mode: a part has none of = + -");
  EXPECT_STREQ(Mode::parse("0o").error().what(), "`0o` is not a mode");
  EXPECT_STREQ(Mode::parse("-1").error().what(), "`-1` is not a mode: what is `1`?");
  EXPECT_STREQ(Mode::parse("-rw-r--r--").error().what(), "`-rw-r--r--` is not a mode: nothing follows a `-`")
      << "as ls shows it";
  EXPECT_FALSE(Mode::parse("644 ").has_value());
  EXPECT_EQ(canonical(""), "") << "an empty mode is none, as in the Go version";
}

}  // namespace
}  // namespace mgmt::file
