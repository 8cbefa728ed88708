// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/plan.h"

#include <gtest/gtest.h>

#include "src/value/json.h"

namespace mgmt::views {
namespace {

using State = Plan::Resource::State;

std::shared_ptr<const Delta> delta(std::vector<Change> changes) {
  return std::make_shared<const Delta>(Delta{std::move(changes)});
}

Plan one_of_each() {
  auto text = std::make_shared<const TextPair>(TextPair{"a\n", "b\n"});
  return {
      .graph = "web",
      .file = "web.yaml",
      .confined = true,
      .resources = {
          {.state = State::Fine, .id = "file[ok]", .place = "web.yaml:3:5"},
          {.state = State::Change,
           .id = "file[conf]",
           .place = "web.yaml:4:5",
           .delta = delta(
               {{.param = "content", .before = content_value("aa", 2), .after = content_value("bb", 3), .text = text},
                {.param = "mode", .before = Value("0600"), .after = Value("0644")}}),
           .refreshes = {"exec[reload]"}},
          {.state = State::Change,
           .id = "exec[reload]",
           .place = "web.yaml:6:5",
           .delta = delta({{.param = "refresh"}}),
           .refreshed_by = {"file[conf]"},
           .changes_before = {"file[conf]"}},
          {.state = State::Unknown,
           .id = "exec[guarded]",
           .place = "web.yaml:8:5",
           .delta = delta({{.param = "cmd", .known = false, .why = "`ifcmd` was not run: no"}})},
          {.state = State::Failed,
           .id = "file[bad]",
           .place = "web.yaml:9:5",
           .error = "no\x1b way\nsecond line",
           .hint = "do"},
          {.state = State::Blocked, .id = "noop[b]", .place = "web.yaml:10:5", .blocked_by = "file[bad]"},
      }};
}

TEST(Plan, SaysOfEachResourceWhatWouldBeDone) {
  EXPECT_EQ(to_text(one_of_each(), false),
            "change file[conf] (web.yaml:4:5):\n"
            "    content 2 bytes → 3 bytes\n"
            "        @@ -1,1 +1,1 @@\n"
            "        -a\n"
            "        +b\n"
            "    mode 0600 → 0644\n"
            "change exec[reload] (web.yaml:6:5):\n"
            "    refresh, because of file[conf]\n"
            "    as the machine is now: file[conf] may change the answer\n"
            "unknown exec[guarded] (web.yaml:8:5):\n"
            "    cmd unknown: `ifcmd` was not run: no\n"
            "failed file[bad] (web.yaml:9:5): no\\x1b way\n"
            "    second line\n"
            "    hint: do\n"
            "blocked noop[b] (web.yaml:10:5): file[bad] failed\n"
            "\n"
            "6 resources: 2 would change, 1 unknown, 1 failed, 1 blocked\n");
}

TEST(Plan, WithNothingToDoIsOneLine) {
  Plan plan{.resources = {{.id = "file[a]"}}};
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(to_text(plan, true), "1 resource: nothing to do\n");
  EXPECT_FALSE(one_of_each().empty());
}

TEST(Plan, IsOneJsonDocumentWithItsVersion) {
  std::string json = to_json(one_of_each());
  auto parsed = value_from_json(json);
  ASSERT_TRUE(parsed) << json;
  EXPECT_TRUE(json.starts_with(R"({"version": 1, "graph": "web", "file": "web.yaml", "confined": true,)")) << json;
  EXPECT_NE(json.find(R"({"resource": "exec[reload]", "state": "change", "place": "web.yaml:6:5", )"
                      R"("changes": [{"param":"refresh","before":null,"after":null}], )"
                      R"("refreshed_by": ["file[conf]"], "changes_before": ["file[conf]"]})"),
            std::string::npos)
      << json;
  EXPECT_NE(
      json.find(R"("summary": {"resources": 6, "fine": 1, "change": 2, "unknown": 1, "failed": 1, "blocked": 1})"),
      std::string::npos)
      << json;
}

TEST(Plan, OfASecretHasNoDifference) {
  auto text = std::make_shared<const TextPair>(TextPair{"old secret\n", "new secret\n"});
  Plan plan{.resources = {{.state = State::Change,
                           .id = "file[key]",
                           .delta = delta({{.param = "content",
                                            .before = Value("old secret"),
                                            .after = Value("new secret"),
                                            .secret = true,
                                            .text = text}})}}};
  EXPECT_EQ(to_text(plan, false).find("secret\n"), std::string::npos) << to_text(plan, false);
  EXPECT_EQ(to_json(plan).find("new secret"), std::string::npos) << to_json(plan);
}

}  // namespace
}  // namespace mgmt::views
