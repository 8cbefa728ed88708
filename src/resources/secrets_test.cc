// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/secrets.h"

#include <gtest/gtest.h>

#include "src/resources/kind.h"
#include "src/resources/wire.h"

namespace mgmt {
namespace {

ParamIndex index_of(const Kind& kind, std::string_view name) {
  return static_cast<ParamIndex>(find_param(kind.params, name) - kind.params.data());
}

Declaration declare(const char* kind, const char* param, Value value, bool secret) {
  Declaration declaration;
  declaration.kind = find_kind(kind);
  declaration.name = "x";
  declaration.params.set(index_of(*declaration.kind, param), std::move(value), {});
  if (secret) declaration.params.taint(index_of(*declaration.kind, param));
  return declaration;
}

TEST(Secrets, AChangeOfATaintedParameterHasNoValues) {
  Delta delta{{{.param = "content",
                .before = content_value("aa", 3),
                .after = content_value("bb", 7),
                .text = std::make_shared<TextPair>(TextPair{"old", "hunter2"})},
               {.param = "mode", .before = Value("0600"), .after = Value("0644")}}};
  redact(delta, declare("file", "content", Value("hunter2"), true));
  EXPECT_TRUE(delta.changes[0].secret);
  EXPECT_TRUE(delta.changes[0].before.is_none());
  EXPECT_TRUE(delta.changes[0].after.is_none());
  EXPECT_EQ(delta.changes[0].text, nullptr);
  EXPECT_EQ(delta.changes[1].after, Value("0644"));
}

TEST(Secrets, WhatIsNotTaintedIsShown) {
  Delta delta{{{.param = "content", .after = Value("plain text")}}};
  redact(delta, declare("file", "content", Value("plain text"), false));
  EXPECT_EQ(delta.changes[0].after, Value("plain text"));
}

TEST(Secrets, AnotherParameterThatShowsItIsMasked) {
  Delta delta{{{.param = "cmd", .after = Value("login --password hunter2")}}};
  redact(delta, declare("exec", "args", Value(List{Value("--password"), Value("hunter2")}), true));
  EXPECT_FALSE(delta.changes[0].secret);
  EXPECT_EQ(delta.changes[0].after, Value("login *** ***"));
}

TEST(Secrets, ATaintedParameterIsNotExported) {
  Result<std::string> bytes = wire::encode(declare("file", "content", Value("hunter2"), true));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().text(), "file[x] can't be exported: `content` is a secret");
}

}  // namespace
}  // namespace mgmt
