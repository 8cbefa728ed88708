// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/json.h"

#include <gtest/gtest.h>

#include "src/base/text.h"
#include "src/value/json.h"

namespace mgmt::views {
namespace {

using namespace report;

std::string shown(Body body, Notice::Level level = Notice::Level::Info) {
  Json json(level);
  std::string out;
  json.show({std::chrono::system_clock::time_point(std::chrono::microseconds(1764000000000456)), std::move(body)}, out);
  // Each line is one object that can be parsed.
  for (std::string_view line : split_lines(out)) EXPECT_TRUE(value_from_json(line).has_value()) << line;
  constexpr std::string_view kTime = R"({"time": 1764000000.000456, "event": )";
  if (out.empty()) return out;
  EXPECT_EQ(out.substr(0, kTime.size()), kTime);
  return out.substr(kTime.size());
}

TEST(Json, EachEventHasAllItsFields) {
  EXPECT_EQ(
      shown(GraphStarted{.name = "g\"1",
                         .generation = 2,
                         .resources = 3,
                         .edges = 4,
                         .kept = 5,
                         .added = 6,
                         .changed = 7,
                         .removed = 8}),
      R"("graph", "name": "g\"1", "generation": 2, "resources": 3, "edges": 4, "kept": 5, "added": 6, "changed": 7, "removed": 8})"
      "\n");
  EXPECT_EQ(shown(Started{"file[a]"}), "\"started\", \"resource\": \"file[a]\"}\n");
  EXPECT_EQ(shown(Fine{"file[a]", 0.25}), "\"fine\", \"resource\": \"file[a]\", \"seconds\": 0.250000}\n");
  EXPECT_EQ(
      shown(Failed{.resource = "file[a]",
                   .place = "g.yaml:1:2",
                   .error = "no\nway",
                   .hint = "h",
                   .retry_in = 2,
                   .seconds = 0.5}),
      R"("failed", "resource": "file[a]", "place": "g.yaml:1:2", "error": "no\nway", "hint": "h", "retry_in": 2.000000, "seconds": 0.500000, "times": 1})"
      "\n");
  EXPECT_EQ(
      shown(Failed{.resource = "file[a]"}),
      R"("failed", "resource": "file[a]", "place": "", "error": "", "hint": "", "retry_in": null, "seconds": 0.000000, "times": 1})"
      "\n");
  EXPECT_EQ(shown(Output{"exec[e]", "x\xff", Output::Stream::Stderr}),
            "\"output\", \"resource\": \"exec[e]\", \"stream\": \"stderr\", \"line\": \"x\xef\xbf\xbd\"}\n");
  EXPECT_EQ(shown(Notice{Notice::Level::Warning, "w", "h"}),
            "\"notice\", \"level\": \"warning\", \"place\": \"\", \"text\": \"w\", \"hint\": \"h\"}\n");
  EXPECT_EQ(shown(Notice{Notice::Level::Error, "e", "", "g.yaml:1:2", "1 | x\n  | ^\n"}),
            "\"notice\", \"level\": \"error\", \"place\": \"g.yaml:1:2\", \"text\": \"e\", \"hint\": \"\"}\n");
  EXPECT_EQ(shown(Converged{3}), "\"converged\", \"generation\": 3}\n");
  EXPECT_EQ(shown(Settled{1, 2}), "\"settled\", \"failed\": 1, \"blocked\": 2}\n");
  EXPECT_EQ(shown(Durable{}), "\"durable\"}\n");
  EXPECT_EQ(
      shown(Summary{.resources = 4,
                    .changed = 3,
                    .repaired = 2,
                    .failed = 1,
                    .elapsed = 35.5,
                    .serial = 40,
                    .critical = 30,
                    .first_pass = 30.25,
                    .critical_path = {"exec[1]", "exec[2]"},
                    .outcome = "converged"}),
      R"("summary", "outcome": "converged", "resources": 4, "changed": 3, "repaired": 2, "failed": 1, "blocked": 0, "withheld": 0, "dry": false, )"
      R"("elapsed": 35.500000, "first_pass": 30.250000, "serial": 40.000000, "critical": 30.000000, "critical_path": ["exec[1]", "exec[2]"]})"
      "\n");
}

TEST(Json, AChangeCarriesItsDelta) {
  auto delta = std::make_shared<const Delta>(Delta{{{.param = "mode", .before = Value("0600"), .after = Value("0644")},
                                                    {.param = "key", .after = Value("s3cret"), .secret = true}}});
  EXPECT_EQ(shown(Changed{.resource = "file[a]", .delta = delta, .repair = true, .seconds = 0.001}),
            R"("changed", "resource": "file[a]", "repair": true, "dry": false, "seconds": 0.001000, )"
            R"("changes": [{"param":"mode","before":"0600","after":"0644"},{"param":"key","secret":true}]})"
            "\n");
  EXPECT_EQ(shown(Changed{.resource = "file[a]"}),
            R"("changed", "resource": "file[a]", "repair": false, "dry": false, "seconds": 0.000000, "changes": []})"
            "\n");
}

TEST(Json, ARepairNamesWhoMadeItNecessary) {
  auto by = std::make_shared<const Process>(
      Process{.pid = 7, .command = "vi", .uid = 1000, .session = 3, .unit = "ssh.service", .terminal = "/dev/pts/1"});
  EXPECT_EQ(shown(Changed{.resource = "file[a]", .repair = true, .by = by}),
            R"("changed", "resource": "file[a]", "repair": true, "dry": false, "seconds": 0.000000, "changes": [], )"
            R"x("by": {"text":"vi (pid 7, user 1000, session 3, unit ssh.service)","pid":7,"command":"vi","uid":1000,)x"
            R"("session":3,"unit":"ssh.service","terminal":"/dev/pts/1"}})"
            "\n");
}

TEST(Json, ADryRunAddsTheDiffs) {
  auto text = std::make_shared<const TextPair>(TextPair{"a\n", "b\n"});
  auto delta = std::make_shared<const Delta>(Delta{{{.param = "content",
                                                     .item = "sub/x",
                                                     .before = content_value("00", 2),
                                                     .after = content_value("11", 2),
                                                     .text = text}}});
  EXPECT_EQ(
      shown(Changed{.resource = "file[a]", .delta = delta, .dry = true}),
      R"("changed", "resource": "file[a]", "repair": false, "dry": true, "seconds": 0.000000, )"
      R"("changes": [{"param":"content","item":"sub/x","before":{"sha256":"00","size":2},"after":{"sha256":"11","size":2}}], )"
      R"("diffs": [{"param": "content", "item": "sub/x", "diff": "@@ -1,1 +1,1 @@\n-a\n+b\n"}]})"
      "\n");
}

TEST(Json, ProgressAndQuietNoticesAreLeftOut) {
  EXPECT_EQ(shown(Progress{}), "");
  EXPECT_EQ(shown(Notice{Notice::Level::Debug, "x"}), "");
  EXPECT_EQ(shown(Notice{Notice::Level::Warning, "x"}, Notice::Level::Error), "");
}

TEST(Json, NoNumberIsNoJson) {
  EXPECT_EQ(shown(Fine{"file[a]", std::numeric_limits<double>::infinity()}),
            "\"fine\", \"resource\": \"file[a]\", \"seconds\": null}\n");
}

TEST(Json, DroppedEventsAreAnEvent) {
  Json json(Notice::Level::Info);
  std::string out;
  json.show_dropped(7, out);
  EXPECT_NE(out.find(R"("event": "dropped", "count": 7})"), std::string::npos);
  EXPECT_TRUE(value_from_json(out).has_value());
}

}  // namespace
}  // namespace mgmt::views
