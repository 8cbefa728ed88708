// SPDX-License-Identifier: GPL-3.0-or-later
// What tests/yaml can't say as a case: what holds for any text.
#include "src/frontends/yaml/yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "src/resources/kind.h"

namespace mgmt::yaml {
namespace {

constexpr std::string_view kSample = R"(---
graph: &g web
resources:
  exec:
  - name: "@@greet"
    cmd: /bin/true
    args: [-x, *g, 'it''s', "\u00e4"]
    env: {A: 1}
    pollint: 5
    meta: {noop: true, sema: [a:1], limit: .inf}
  print:
  - name: hello # a remark
    msg: |
      one
      two
edges:
- {name: e1, from: {kind: exec, name: greet}, to: {kind: print, name: hello}, notify: yes}
collect:
- kind: file
  pattern: /srv/
)";

void expect_sound(const Loaded& loaded, std::string_view text) {
  EXPECT_EQ(loaded.graph == nullptr, loaded.diagnostics.has_errors()) << text;
  EXPECT_EQ(loaded.rendered.empty(), loaded.diagnostics.items().empty()) << text;
  for (const Diagnostic& diagnostic : loaded.diagnostics.items())
    EXPECT_GT(diagnostic.pos.line, 0u) << text << "\n" << diagnostic.text;
}

TEST(Yaml, EveryBeginningOfAGraphIsAGraphOrAnError) {
  for (std::size_t size = 0; size <= kSample.size(); ++size)
    expect_sound(load(kSample.substr(0, size), "g.yaml"), kSample.substr(0, size));
}

TEST(Yaml, EveryByteThatIsLostOrWrongMakesAGraphOrAnError) {
  for (std::size_t at = 0; at < kSample.size(); ++at) {
    std::string text(kSample);
    text.erase(at, 1);
    expect_sound(load(text, "g.yaml"), text);
    for (char c :
         {'\0', '\n', '\t', '"', '\'', '{', ']', ':', '-', '&', '*', '!', '|', '#', '%', '@', '\r', '\x7f', '\xff'}) {
      text = kSample;
      text[at] = c;
      expect_sound(load(text, "g.yaml"), text);
    }
  }
}

TEST(Yaml, ASyntaxErrorIsTheOnlyOne) {
  Loaded loaded = load("graph: g\nunknown: 1\nremote: x\nresources: [\n", "g.yaml");
  ASSERT_EQ(loaded.diagnostics.items().size(), 1u) << loaded.rendered;
  EXPECT_EQ(loaded.diagnostics.items()[0].text, "a list in [...] is not closed");
}

TEST(Yaml, OfVeryManyErrorsTheFirstFiftyAreShown) {
  std::string text = "graph: g\n";
  for (int i = 0; i < 1000; ++i) text += fmt::format("k{}: 1\n", i);
  Loaded loaded = load(text, "g.yaml");
  EXPECT_EQ(loaded.diagnostics.items().size(), 1000u);
  EXPECT_NE(loaded.rendered.find("`k49`"), std::string::npos);
  EXPECT_EQ(loaded.rendered.find("`k50`"), std::string::npos);
  EXPECT_TRUE(loaded.rendered.ends_with("g.yaml: error: and 950 more errors\n")) << loaded.rendered;
}

TEST(Yaml, AHugeTextIsReadWhole) {
  std::string huge(8 << 20, 'x');
  Loaded loaded = load("graph: g\nresources:\n  print:\n  - name: a\n    msg: \"" + huge + "\"\n", "g.yaml");
  ASSERT_TRUE(loaded.graph) << loaded.rendered;
  EXPECT_EQ(*loaded.graph->vertices[0]->params.find<std::string>(0), huge);
}

TEST(Yaml, AHugeWordIsCutInItsMessage) {
  std::string huge(8 << 20, 'x');
  for (const char* before :
       {"", "graph: ", "graph: g\nedges:\n- {from: {kind: noop, name: a}, to: {kind: noop, name: b}, notify: "})
    EXPECT_LT(load(std::string(before) + huge + (*before ? "" : ": 1"), "g.yaml").rendered.size(), 2000u) << before;
  EXPECT_LT(load("graph: g\nedges:\n- {from: {kind: noop, name: " + huge + "}, to: {kind: noop, name: b}}", "g.yaml")
                .rendered.size(),
            2000u);
}

TEST(Yaml, ResourcesThatSetTheSameMetaShareIt) {
  Loaded loaded = load(
      "graph: g\nresources:\n  noop:\n  - {name: a, meta: {retry: 3}}\n  - {name: b, meta: {retry: 3}}\n  - {name: "
      "c}\n",
      "g.yaml");
  ASSERT_TRUE(loaded.graph) << loaded.rendered;
  EXPECT_EQ(loaded.graph->vertices[0]->meta, loaded.graph->vertices[1]->meta);
  EXPECT_EQ(loaded.graph->vertices[2]->meta, default_meta());
}

TEST(Yaml, TheExampleOfEachKindLoads) {
  for (const Kind* kind : all_kinds()) {
    ASSERT_FALSE(kind->example.empty()) << kind->name;
    Loaded loaded = load(kind->example, "example.yaml");
    EXPECT_TRUE(loaded.graph) << loaded.rendered;
    EXPECT_TRUE(loaded.rendered.empty()) << loaded.rendered;
  }
}

TEST(Yaml, WhatIsReadFromOutsideIsASecret) {
  Outside outside{.file = [](const std::string& name) -> Result<std::string> { return "content of " + name; },
                  .env = [](const std::string& name) -> Result<std::string> {
                    if (name == "SECONDS") return "12345";
                    return std::unexpected(Error("it is not set"));
                  }};
  const char* text =
      "graph: g\nresources:\n  exec:\n  - name: a\n    cmd: !file key\n    timeout: !env SECONDS\n    shell: /bin/sh\n";
  Loaded loaded = load(text, "g.yaml", outside);
  ASSERT_TRUE(loaded.graph) << loaded.rendered;
  EXPECT_EQ(loaded.secrets, (std::vector<std::string>{"content of key", "12345"}));
  for (const Params::Item& item : loaded.graph->vertices[0]->params.items()) {
    std::string_view name = loaded.graph->vertices[0]->kind->params[item.index].name;
    EXPECT_EQ(item.secret, name != "shell") << name;
  }
  ASSERT_NE(loaded.graph->vertices[0]->params.secrets(), nullptr);

  Loaded missing = load("graph: g\nresources:\n  print:\n  - name: a\n    msg: !env NOT_SET\n", "g.yaml", outside);
  EXPECT_FALSE(missing.graph);
  EXPECT_TRUE(missing.rendered.starts_with("g.yaml:5:15: error: cannot read the variable `NOT_SET`: it is not set"))
      << missing.rendered;
}

TEST(Yaml, NoErrorShowsASecretHoweverShort) {
  // Each is wrong for a number, and the line below is wrong too.
  for (const char* value : {"q7", "'q7'", "\"q\\x37\"", "|\n      q7\n      7q", "[q7, {a: 7q}]"}) {
    std::string text =
        fmt::format("graph: g\nresources:\n  exec:\n  - name: x\n    timeout: !secret {}\n    oops: 1\n", value);
    Loaded loaded = load(text, "g.yaml");
    EXPECT_FALSE(loaded.graph);
    for (const char* part : {"q7", "7q", "x37"}) EXPECT_FALSE(loaded.rendered.contains(part)) << loaded.rendered;
    EXPECT_TRUE(loaded.rendered.contains("g.yaml:5")) << loaded.rendered;
    EXPECT_TRUE(loaded.rendered.contains("unknown parameter `oops`")) << loaded.rendered;
  }
}

TEST(Yaml, AListThatIsSecretIsNotShownWhereANumberIsWanted) {
  for (const char* indent : {"    ", "      "}) {
    std::string text =
        fmt::format("graph: g\nresources:\n  exec:\n  - name: x\n    timeout: !secret\n{}- q7\n    oops: 1\n", indent);
    Loaded loaded = load(text, "g.yaml");
    EXPECT_FALSE(loaded.rendered.contains("q7")) << loaded.rendered;
    EXPECT_TRUE(loaded.rendered.contains("`timeout` must be a duration, not a list")) << loaded.rendered;
    EXPECT_TRUE(loaded.rendered.contains("oops: 1")) << loaded.rendered;
  }
}

TEST(Yaml, NothingIsPrintedBesideTheReturnedText) {
  testing::internal::CaptureStderr();
  load("%YAML 3.0\n---\na: [", "g.yaml");
  load("graph: \"\\q\"", "g.yaml");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace mgmt::yaml
