// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/reference.h"

#include <gtest/gtest.h>

#include "src/base/text.h"
#include "src/value/json.h"

namespace mgmt::cli {
namespace {

constexpr Type kStrings = list_of(kStr);
constexpr Param kLampParams[] = {
    {.name = "state",
     .type = kStr,
     .doc = "Whether it shines.",
     .required = true,
     .values = {{"lit", "dark"}},
     .aliases = {{"status"}}},
    {.name = "after",
     .type = kDuration,
     .doc = "How long it waits before it does what it is told, which takes more than one line of text | and a bar.",
     .default_text = "5",
     .min = 1000,
     .max = 60'000,
     .unit = "s"},
    {.name = "colours", .type = kStrings, .doc = "Tried one after the other."},
    {.name = "code", .type = kStr, .doc = "What opens it.", .default_text = "none", .secret = true},
    {.name = "dim", .type = kBool, .doc = "At night.", .default_text = "false"},
};
constexpr ObsoleteParam kLampObsolete[] = {{.name = "wick", .note = "lamps of 2016 had one"}};
constexpr Kind kLamp{
    .name = "lamp",
    .aliases = {{"lantern"}},
    .summary = "Shines.",
    .params = kLampParams,
    .obsolete = kLampObsolete,
    .doc =
        "A lamp, on\na wall.\n\n- one item that is long enough to be wrapped, which takes quite some words to do\n- "
        "another\n\n    code stays    as it is\n",
    .example =
        "# SPDX-License-Identifier: GPL-3.0-or-later\ngraph: g\nresources:\n  lamp:\n  - name: hall\n    state: lit\n",
};
constexpr Kind kDoor{.name = "house:door", .summary = "Opens.", .params = {}};
constexpr const Kind* kKinds[] = {&kLamp, &kDoor};
constexpr Param kMeta[] = {
    {.name = "noop", .type = kBool, .doc = "Only check.", .default_text = "false"},
};
const Tables kTables{kKinds, kMeta};

TEST(Reference, AKindAsText) {
  EXPECT_EQ(reference(kTables, "lamp", ReferenceForm::Text, 60),
            "lamp: Shines.\n"
            "Also written as `lantern`.\n"
            "\n"
            "A lamp, on a wall.\n"
            "\n"
            "- one item that is long enough to be wrapped, which takes\n"
            "  quite some words to do\n"
            "- another\n"
            "\n"
            "    code stays    as it is\n"
            "\n"
            "Parameters:\n"
            "  state (str, required)\n"
            "      Whether it shines. One of `lit` or `dark`. Also\n"
            "      written as `status`.\n"
            "  after (duration; a number alone is in s)\n"
            "      How long it waits before it does what it is told,\n"
            "      which takes more than one line of text | and a bar.\n"
            "      Range: 1s to 1m. Default: 5.\n"
            "  colours (list of str)\n"
            "      Tried one after the other.\n"
            "  code (str)\n"
            "      What opens it. Secret: its value is never shown.\n"
            "      Default: none.\n"
            "  dim (bool)\n"
            "      At night. Default: false.\n"
            "\n"
            "Accepted, with a note:\n"
            "  - wick: lamps of 2016 had one\n"
            "\n"
            "Example:\n"
            "  graph: g\n"
            "  resources:\n"
            "    lamp:\n"
            "    - name: hall\n"
            "      state: lit\n");
}

TEST(Reference, AKindAsMarkdown) {
  std::string text = reference(kTables, "lantern", ReferenceForm::Markdown);
  EXPECT_TRUE(text.starts_with("<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n")) << text;
  EXPECT_NE(text.find("# lamp\n\nShines.\n\nAlso written as `lantern`.\n\nA lamp, on\na wall.\n"), text.npos) << text;
  EXPECT_NE(
      text.find(
          "| `state` | str | (required) | Whether it shines. One of `lit` or `dark`. Also written as `status`. |\n"),
      text.npos)
      << text;
  EXPECT_NE(text.find("| `after` | duration; a number alone is in s | 5 | How long it waits before it does what it is "
                      "told, which takes more "
                      "than one line of text \\| and a bar. Range: 1s to 1m. |\n"),
            text.npos)
      << text;
  EXPECT_NE(text.find("- `wick`: lamps of 2016 had one\n"), text.npos);
  EXPECT_NE(text.find("```yaml\ngraph: g\n"), text.npos);
}

TEST(Reference, AllKindsAndTheMetaParameters) {
  EXPECT_EQ(reference(kTables, "", ReferenceForm::Text),
            "Kinds of resources (mgmt resources KIND shows one):\n"
            "  lamp        Shines.\n"
            "  house:door  Opens.\n"
            "\n"
            "Meta parameters, of every resource, under `meta:`:\n"
            "  noop (bool)\n"
            "      Only check. Default: false.\n");
  std::string page = reference(kTables, "", ReferenceForm::Markdown);
  EXPECT_NE(page.find("| [lamp](lamp.md) | Shines. |\n| [house:door](house-door.md) | Opens. |\n"), page.npos) << page;
}

TEST(Reference, NoLineOfTextIsTooLong) {
  for (std::size_t columns : {0, 60, 88, 100, 500}) {
    std::string text = reference(kTables, "lamp", ReferenceForm::Text, columns);
    for (std::string_view line : split_lines(text))
      EXPECT_LE(line.size(), std::clamp<std::size_t>(columns, 60, 100)) << line;
  }
}

TEST(Reference, AnUnknownKindHasAHint) {
  try {
    reference(kTables, "lmap", ReferenceForm::Text);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.text(), "unknown kind `lmap`");
    EXPECT_EQ(e.hint_text(), "did you mean `lamp`?");
  }
  try {
    reference(kTables, "spaceship", ReferenceForm::Json);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.hint_text(), "the kinds are lamp and house:door");
  }
}

// The member at a path of keys; none if there is none.
Value at(Value value, std::initializer_list<std::string_view> path) {
  for (std::string_view key : path) {
    const auto* map = value.get_if<Map>();
    Value next;
    for (const auto& [name, member] : map ? *map : Map{})
      if (name == key) next = member;
    value = next;
  }
  return value;
}
Value parsed(std::string_view text) {
  Result<Value> value = value_from_json(text);
  return value ? *value : Value();
}

TEST(Schema, AResourceTakesItsParametersAndNoOthers) {
  Value schema = parsed(reference(kTables, "lamp", ReferenceForm::Json));
  EXPECT_EQ(at(schema, {"$schema"}), Value("https://json-schema.org/draft/2020-12/schema"));
  EXPECT_EQ(at(schema, {"additionalProperties"}), Value(false));
  EXPECT_EQ(at(schema, {"required"}), parsed(R"(["name"])"));
  EXPECT_EQ(at(schema, {"allOf"}), parsed(R"([{"anyOf": [{"required": ["state"]}, {"required": ["status"]}]}])"));
  EXPECT_EQ(at(schema, {"properties", "state", "enum"}), parsed(R"(["lit", "dark"])"));
  EXPECT_EQ(at(schema, {"properties", "status", "enum"}), parsed(R"(["lit", "dark"])"));
  EXPECT_EQ(
      at(schema, {"properties", "after"}),
      parsed(
          R"({"type": ["string", "number"], "pattern": "^[-+]?([0-9.]+|([0-9.]+(ms|s|m|h|d))+)$", "description": "How long it waits before it does what it is told, )"
          R"(which takes more than one line of text | and a bar. As in 500ms, 5s, 2m; a number alone is in s. Default: 5."})"));
  EXPECT_EQ(at(schema, {"properties", "colours", "items", "type"}), parsed(R"(["string", "number", "boolean"])"));
  EXPECT_EQ(at(schema, {"properties", "code", "writeOnly"}), Value(true));
  EXPECT_EQ(at(schema, {"properties", "dim", "default"}), Value(false));
  EXPECT_EQ(at(schema, {"properties", "wick", "deprecated"}), Value(true));
  EXPECT_EQ(at(schema, {"properties", "meta", "$ref"}), Value("#/$defs/meta"));
  EXPECT_FALSE(at(schema, {"$defs", "meta", "properties", "noop"}).is_none());
}

TEST(Schema, AGraphHasKindsByNameAndAlias) {
  Value schema = parsed(reference(kTables, "", ReferenceForm::Json));
  EXPECT_EQ(at(schema, {"required"}), parsed(R"(["graph"])"));
  EXPECT_EQ(at(schema, {"$defs", "kind", "enum"}), parsed(R"(["lamp", "lantern", "house:door"])"));
  EXPECT_EQ(at(schema, {"$defs", "kinds", "properties", "lantern", "items", "$ref"}), Value("#/$defs/lamp"));
  EXPECT_EQ(at(schema, {"$defs", "kinds", "additionalProperties"}), Value(false));
  EXPECT_EQ(at(schema, {"properties", "edges", "type"}), parsed(R"(["array", "null"])"));
  EXPECT_FALSE(at(schema, {"$defs", "collect", "properties", "allow_exec"}).is_none());
}

}  // namespace
}  // namespace mgmt::cli
