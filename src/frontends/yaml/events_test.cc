// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/events.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mgmt::yaml {
namespace {

// "+map 1:1  a 1:1 ...", or how it ended: "! 1:4 words".
std::string events_of(std::string_view text) {
  Diagnostics diagnostics;
  std::string out;
  try {
    EventReader reader(text, diagnostics);
    for (Event event = reader.next(); event.type != Event::Type::End; event = reader.next()) {
      std::string at = fmt::format("{}:{}", event.pos.line, event.pos.column);
      switch (event.type) {
        case Event::Type::MapStart: out += (event.flow ? "{" : "map ") + at + " "; break;
        case Event::Type::ListStart: out += (event.flow ? "[" : "list ") + at + " "; break;
        case Event::Type::MapEnd:
        case Event::Type::ListEnd: out += "end "; break;
        case Event::Type::Scalar: {
          constexpr std::string_view kStyles[] = {"", "quoted ", "block "};
          out += fmt::format("{}<{}> {} ", kStyles[static_cast<int>(event.style)], event.text, at);
          break;
        }
        default: break;
      }
    }
  } catch (const SyntaxError& error) {
    out += fmt::format("! {}:{} {}", error.pos.line, error.pos.column, error.text);
  }
  for (const Diagnostic& diagnostic : diagnostics.items()) out += "? " + diagnostic.text;
  return out;
}

TEST(YamlEvents, PlacesAreThoseOfTheFirstSign) {
  EXPECT_EQ(events_of("a: 'x'\n\"b\": [1, {c: d}]\n"),
            "map 1:1 <a> 1:1 quoted <x> 1:4 quoted <b> 2:1 [2:6 <1> 2:7 {2:10 <c> 2:11 <d> 2:14 end end end ");
}

TEST(YamlEvents, ColumnsCountCharactersAndTabsAsOne) {
  EXPECT_EQ(events_of("ä:\t\tx"), "map 1:1 <ä> 1:1 <x> 1:5 end ");
}

TEST(YamlEvents, WhatHasNoPlaceGetsThatOfItsKey) {
  EXPECT_EQ(events_of("a:\nb: |\n  x\nc:\n- |\n  y\n"),
            "map 1:1 <a> 1:1 <> 1:1 <b> 2:1 block <x\n> 2:1 <c> 4:1 list 5:1 block <y\n> 5:1 end end ");
}

TEST(YamlEvents, ManyQuotesInSingleQuotesAreReadWithoutLibfyaml) {
  // Its own text of such a scalar leaks, which the address sanitizer would say here.
  std::string quotes(40, '\'');
  EXPECT_EQ(events_of("'a" + quotes + quotes + "b'"), "quoted <a" + quotes + "b> 1:1 ");
  for (const char* text :
       {"", "it''s", " a  b ", "a \n  b", "a\t \n\n \n  b\n  ", "\n\n  a", "a\r\n \r\n b", "\n ", " \n ", "ä\n ö"}) {
    std::string theirs = events_of(std::string("- 'x") + text + "y'");
    std::string ours = events_of(std::string("- 'x''''") + text + "y'");
    ASSERT_NE(ours.find("x''"), std::string::npos) << ours;
    EXPECT_EQ(ours.erase(ours.find("x''") + 1, 2), theirs);
  }
}

TEST(YamlEvents, AnAliasIsReplayedWithThePlacesOfItsAnchor) {
  EXPECT_EQ(events_of("a: &x [1, &y 2]\nb: *x\nc: *y\n"),
            "map 1:1 <a> 1:1 [1:7 <1> 1:8 <2> 1:14 end <b> 2:1 [1:7 <1> 1:8 <2> 1:14 end <c> 3:1 <2> 1:14 end ");
}

TEST(YamlEvents, AnAliasWithinAnAnchorMeansWhatItMeantThere) {
  EXPECT_EQ(events_of("[&a 1, &b [*a], &a 2, *b]"), "[1:1 <1> 1:5 [1:11 <1> 1:5 end <2> 1:20 [1:11 <1> 1:5 end end ");
}

TEST(YamlEvents, AnAliasInsideOfItsAnchorEnds) {
  EXPECT_EQ(events_of("[&a 1, &a [*a]]"), "[1:1 <1> 1:5 [1:11 ! 1:12 an alias inside of what it stands for");
}

TEST(YamlEvents, ABombIsDefusedByNumber) {
  std::string text = "- &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) text += fmt::format("- &a{} [*a{}, *a{}]\n", i, i - 1, i - 1);
  EXPECT_NE(events_of(text).find("stand for too much"), std::string::npos);
}

TEST(YamlEvents, ABombIsDefusedBySize) {
  std::string text = "- &a " + std::string(1 << 20, 'x') + "\n";
  for (int i = 0; i < 17; ++i) text += "- *a\n";
  EXPECT_NE(events_of(text).find("stand for too much"), std::string::npos);
  text = text.substr(0, text.size() - 10);
  EXPECT_EQ(events_of(text).find("stand for too much"), std::string::npos);
}

TEST(YamlEvents, AHundredLevelsAreReadAndNoMore) {
  EXPECT_EQ(events_of(std::string(100, '[') + std::string(100, ']')).find('!'), std::string::npos);
  EXPECT_TRUE(events_of(std::string(101, '[') + std::string(101, ']')).ends_with("! 1:101 this is nested too deep"));
  EXPECT_TRUE(events_of(std::string(1'000'000, '[')).ends_with("! 1:101 this is nested too deep"));
  std::string by_alias = "- &a " + std::string(60, '[') + std::string(60, ']') + "\n- " + std::string(60, '[') + "*a" +
                         std::string(60, ']');
  EXPECT_TRUE(events_of(by_alias).ends_with("this is nested too deep"));
}

TEST(YamlEvents, TagsOfYamlItselfAreKnown) {
  EXPECT_EQ(events_of("[!!str ~, !!int 5, ! x]"), "[1:1 quoted <~> 1:8 <5> 1:17 quoted <x> 1:22 end ");
  EXPECT_TRUE(events_of("!!set x").ends_with("? the tag `set` means nothing in a graph"));
}

}  // namespace
}  // namespace mgmt::yaml
