// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/wire.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mgmt {
namespace {

constexpr Type kStrList = list_of(kStr);
constexpr Type kStrMap = map_of(kStr);

Result<std::string> lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '!') return std::unexpected(Error("no shouting"));
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

constexpr Param kParams[] = {
    {.name = "content", .type = kStr},
    {.name = "mode", .type = kStr, .canonical = lower_case},
    {.name = "state", .type = kStr, .values = {"exists", "absent"}},
    {.name = "size", .type = kInt, .min = 0, .max = 10},
    {.name = "ratio", .type = kFloat},
    {.name = "force", .type = kBool},
    {.name = "args", .type = kStrList},
    {.name = "env", .type = kStrMap},
    {.name = "password", .type = kStr, .secret = true},
    {.name = "fancy", .type = kStr, .since = 2},
};
constexpr Kind kPot{.name = "pot", .summary = "", .params = kParams, .doc = "", .example = ""};
constexpr Param kLidParams[] = {{.name = "of", .type = kStr, .required = true}};
constexpr Kind kLid{.name = "lid", .summary = "", .params = kLidParams, .doc = "", .example = ""};

const Kind* find_pot(std::string_view name) { return name == "pot" ? &kPot : name == "lid" ? &kLid : nullptr; }

Declaration pot(std::initializer_list<std::pair<std::string_view, Value>> values) {
  Declaration declaration;
  declaration.kind = &kPot;
  declaration.name = "x";
  for (const auto& [name, value] : values)
    declaration.params.set(static_cast<ParamIndex>(find_param(kParams, name) - kParams), value, {3, 4, 0});
  return declaration;
}

Result<Declaration> decode(std::string_view text) { return wire::decode(text, "a", find_pot); }

std::string failure(std::string_view text) {
  Result<Declaration> declaration = decode(text);
  return declaration ? "understood" : declaration.error().text();
}

TEST(Wire, IsReadable) {
  EXPECT_EQ(*wire::encode(pot({{"content", Value("hello\n")}, {"size", Value(std::int64_t{3})}})),
            R"({"v":1,"kind":"pot","name":"x","params":{"content":"hello\n","size":3}})");
}

TEST(Wire, EverythingComesBack) {
  Declaration sent = pot({{"content", Value(std::string("\0\xff\xfe bytes", 9))},
                          {"mode", Value("u=rw")},
                          {"state", Value("absent")},
                          {"size", Value(std::int64_t{10})},
                          {"ratio", Value(2.0)},
                          {"force", Value(false)},
                          {"args", Value(List{Value("a"), Value(""), Value("\xff")})},
                          {"env", Value(Map{{"A", Value("1")}, {"base64", Value("x")}})}});
  sent.name = "/etc/ü/\xff";
  auto meta = std::make_shared<Meta>();
  *meta = {.noop = true,
           .retry = -1,
           .retryreset = true,
           .reset = true,
           .delay = std::chrono::milliseconds(1500),
           .timeout = std::chrono::milliseconds(7),
           .poll = std::chrono::seconds(60),
           .limit = 0.5,
           .burst = 3,
           .rewatch = true,
           .realize = true,
           .sema = {":2", "disk:4"},
           .autoedge = false,
           .autogroup = false,
           .dollar = true};
  sent.meta = meta;
  Result<Declaration> got = decode(*wire::encode(sent));
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->kind, &kPot);
  EXPECT_EQ(got->name, sent.name);
  EXPECT_EQ(got->origin, "a");
  EXPECT_TRUE(got->params == sent.params);
  EXPECT_EQ(*got->meta, *meta);
  EXPECT_FALSE(got->exported);
}

TEST(Wire, ForWhomItIsStaysAtHomeAndIsTakenFromNobody) {
  Declaration sent = pot({});
  auto meta = std::make_shared<Meta>();
  meta->hidden = true;
  meta->exports = {"b"};
  sent.meta = meta;
  EXPECT_EQ(*wire::encode(sent), *wire::encode(pot({})));
  for (const char* others : {R"({"hidden":true})", R"({"export":["*"]})"})
    EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","meta":)" + std::string(others) + "}"),
              "reading what a exports: `hidden` and `export` are not for others");
}

TEST(Wire, UnsetStaysUnsetAndUnsetMetaIsTheSharedOne) {
  Result<Declaration> got = decode(*wire::encode(pot({})));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->params.items().empty());
  EXPECT_EQ(got->meta, default_meta());
}

TEST(Wire, ASecretDoesNotLeaveTheHost) {
  Result<std::string> text = wire::encode(pot({{"password", Value("1234")}}));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().text(), "pot[x] can't be exported: `password` is a secret");
  EXPECT_EQ(text.error().hint_text(), "what is exported can be read by all hosts");
}

TEST(Wire, AKeyThatIsNoTextIsRefusedRatherThanWrittenAsBrokenJson) {
  EXPECT_FALSE(wire::encode(pot({{"env", Value(Map{{"\xff", Value("1")}})}})));
}

TEST(Wire, TheVersionIsTheOldestThatKnowsAllThatIsUsed) {
  EXPECT_TRUE(wire::encode(pot({{"fancy", Value("1")}}))->starts_with(R"({"v":2,)"));
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"fancy":"1"}})"),
            "reading what a exports: unknown parameter of pot `fancy`");
  Result<Declaration> newer = decode(R"({"v":2,"kind":"pot","name":"x"})");
  EXPECT_EQ(newer.error().text(),
            "reading what a exports: made by a newer mgmt (version 2 of exported resources, this one knows 1)");
  EXPECT_EQ(newer.error().hint_text(), "use the same version of mgmt on all hosts");
}

TEST(Wire, WhatIsNotUnderstoodIsNamed) {
  const std::string where = "reading what a exports: ";
  EXPECT_EQ(failure(R"({"v":1,"kind":"pan","name":"x"})"), where + "unknown kind `pan`");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"contnet":"1"}})"),
            where + "unknown parameter of pot `contnet`");
  EXPECT_EQ(decode(R"({"v":1,"kind":"pot","name":"x","params":{"contnet":"1"}})").error().hint_text(),
            "did you mean `content`?");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"content":1}})"), where + "`content` must be a str");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"args":["a",[]]}})"),
            where + "`args` must be a list of str");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"size":11}})"),
            where + "`size` must be at most 10, not 11");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"state":"gone"}})"),
            where + "`state` can be exists or absent, not `gone`");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":{"mode":"RW!"}})"), where + "no shouting");
  EXPECT_EQ(failure(R"({"v":1,"kind":"lid","name":"x"})"), where + "`of` is missing");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","meta":{"sema":["3"]}})"),
            where + "`3` is no name of a semaphore");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","meta":{"retri":1}})"), where + "unknown meta parameter `retri`");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot"})"), where + "no `name`");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"a\u0000b"})"), where + "no `name`");
  EXPECT_EQ(failure(R"({"v":"1","kind":"pot","name":"x"})"), where + "no version `v`");
  EXPECT_EQ(failure(R"({"v":1,"kind":"pot","name":"x","params":[]})"), where + "`params` must be a map");
  EXPECT_EQ(failure("[]"), where + "not a JSON object");
  EXPECT_TRUE(failure("{").starts_with(where + "not JSON"));
  EXPECT_EQ(failure(std::string(wire::kMaxBytes + 1, ' ')), where + "1048577 bytes: at most 1048576");
}

TEST(Wire, HostileTextIsPrintedHarmlessly) {
  EXPECT_EQ(failure("{\"v\":1,\"kind\":\"\\u001b[2J\",\"name\":\"x\"}"),
            "reading what a exports: unknown kind `\\x1b[2J`");
}

TEST(Wire, ValuesAreTakenInCanonicalFormAndWholeNumbersAsFloats) {
  Result<Declaration> got = decode(
      R"({"v":1,"kind":"pot","name":"x","params":{"mode":"RW","ratio":2,"env":{"b":"1","a":"2"}},"later":true})");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_TRUE(
      got->params ==
      pot({{"mode", Value("rw")}, {"ratio", Value(2.0)}, {"env", Value(Map{{"a", Value("2")}, {"b", Value("1")}})}})
          .params);
}

TEST(Wire, WhatWasCollectedAsOneThingIsNotAnother) {
  std::string text = *wire::encode(pot({}));
  EXPECT_TRUE(wire::decode({"a", "*", "pot", "x"}, text, find_pot));
  for (const world::ExportId& id : {world::ExportId{"a", "*", "lid", "x"}, world::ExportId{"a", "*", "pot", "y"}})
    EXPECT_FALSE(wire::decode(id, text, find_pot)) << id.kind << id.name;
  EXPECT_EQ(wire::decode({"a", "*", "lid", "x"}, text, find_pot).error().text(),
            "reading what a exports: pot[x]@a stands where lid[x] should");
}

TEST(Wire, EveryCutOfATextIsAnErrorAndNoCrash) {
  std::string text = *wire::encode(pot({{"content", Value("hello")}, {"env", Value(Map{{"A", Value("\xff")}})}}));
  for (std::size_t length = 0; length < text.size(); ++length) EXPECT_FALSE(decode(text.substr(0, length))) << length;
}

TEST(Wire, AFileOfTheRealTableComesBack) {
  const Kind* file = find_kind("file");
  ASSERT_TRUE(file);
  Result<Declaration> got =
      wire::decode(R"({"v":1,"kind":"file","name":"motd","params":{"content":"hello","mode":"0644"}})", "a");
  ASSERT_TRUE(got) << got.error().text();
  Result<Declaration> again = wire::decode(*wire::encode(*got), "a");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_TRUE(same_effect(*got, *again));
}

}  // namespace
}  // namespace mgmt
