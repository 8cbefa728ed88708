// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/key.h"

#include <gtest/gtest.h>

namespace mgmt::world {
namespace {

TEST(Key, AnyNameIsOneComponentAndComesBack) {
  for (std::string name :
       {"", "motd", "/etc/motd", "/", "%", "%2F", "a%b/c", "..", "*", "line\nbreak\x7f", "ü", "\xff\xfe"}) {
    std::string escaped = escape_component(name);
    EXPECT_EQ(escaped.find('/'), std::string::npos) << escaped;
    EXPECT_FALSE(escaped.empty());
    EXPECT_EQ(unescape_component(escaped), name) << escaped;
  }
  EXPECT_EQ(escape_component("/etc/100%"), "%2Fetc%2F100%25");
}

TEST(Key, WhatEscapingCannotHaveWrittenIsNoName) {
  for (std::string_view component : {"", "a/b", "%2", "%2f", "%41", "%zz", "a%", "tab\t"})
    EXPECT_FALSE(unescape_component(component)) << component;
}

TEST(Key, AnExportComesBackFromItsKey) {
  ExportId id{"web/1", "*", "file", "/etc/motd"};
  EXPECT_EQ(export_key(id), "/v1/exports/web%2F1/*/file/%2Fetc%2Fmotd");
  EXPECT_EQ(parse_export_key(export_key(id)), id);
  EXPECT_TRUE(export_key(id).starts_with(exports_of("web/1")));
}

TEST(Key, OtherKeysAreNoExports) {
  for (std::string_view key : {"/v1/values/a/b/c/d", "/v1/exports/", "/v1/exports/a/b/c", "/v1/exports/a/b/c/d/e",
                               "/v1/exports/a//c/d", "/v1/exports/a/b/c/%zz"})
    EXPECT_FALSE(parse_export_key(key)) << key;
}

}  // namespace
}  // namespace mgmt::world
