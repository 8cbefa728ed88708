// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/json.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(Json, ValuesComeBackAsTheyWere) {
  Value value(Map{{"a", Value(List{Value(true), Value(std::int64_t{-3}), Value("x\n"), Value("\xff\x01")})},
                  {"b", Value(Map{{"base64", Value("QQ==")}})}});
  Result<Value> back = value_from_json(to_json(value));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, value);
}

TEST(Json, BytesOfAnyLengthComeBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes += static_cast<char>(0x80 + i % 0x40);
    Result<Value> back = value_from_json(to_json(Value(bytes)));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, Value(bytes));
  }
}

TEST(Json, BrokenTextIsAnError) {
  EXPECT_FALSE(value_from_json("{"));
  for (const char* broken : {"***", "gA=", "gA==gA", "g"})
    EXPECT_FALSE(value_from_json(std::string(R"({"base64": ")") + broken + "\"}")) << broken;
}

TEST(Json, ADeltaShowsNoSecret) {
  Delta delta{{{.param = "content", .before = Value("old"), .after = Value("new"), .secret = true}}};
  EXPECT_EQ(to_json(delta), R"({"changes":[{"param":"content","secret":true}]})");
}

TEST(Json, QuoteMendsWhatIsNoUtf8) { EXPECT_EQ(json_quote("a\xff\""), "\"a\xef\xbf\xbd\\\"\""); }

TEST(Json, ADeltaComesBackAsItWasWritten) {
  Delta delta{{{.param = "mode", .item = "sub/a", .before = Value("0600"), .after = Value("0644")},
               {.param = "content", .after = content_value("00", 2)},
               {.param = "cmd", .known = false},
               {.param = "key", .secret = true}}};
  Result<Delta> back = delta_from_json(to_json(delta));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(to_json(*back), to_json(delta));
  for (const char* broken : {"", "[]", "{}", R"({"changes":1})", R"({"changes":[{}]})"})
    EXPECT_FALSE(delta_from_json(broken)) << broken;
}

}  // namespace
}  // namespace mgmt
