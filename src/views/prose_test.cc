// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/prose.h"

#include <gtest/gtest.h>

namespace mgmt::views {
namespace {

using namespace report;

std::string told(const Body& body, Prose prose = {}) {
  std::string out;
  prose.append(body, out);
  return out;
}

std::shared_ptr<const Delta> delta(std::vector<Change> changes) {
  return std::make_shared<const Delta>(Delta{std::move(changes)});
}

const Value k12Bytes = content_value("aaaaaaaa", 12);
const Value k30Bytes = content_value("bbbbbbbb", 30);

TEST(Prose, AChangeIsOneLineOfWhatDiffered) {
  Changed changed{.resource = "file[motd]",
                  .delta = delta({{.param = "content", .before = k12Bytes, .after = k30Bytes},
                                  {.param = "mode", .before = Value("0600"), .after = Value("0644")}}),
                  .seconds = 0.003};
  EXPECT_EQ(told(changed), "changed file[motd] (3 ms): content 12 bytes → 30 bytes, mode 0600 → 0644\n");
  changed.repair = true;
  EXPECT_EQ(told(changed), "repaired file[motd] (3 ms): content 12 bytes → 30 bytes, mode 0600 → 0644\n");
  changed.by = std::make_shared<const Process>(Process{.pid = 7, .command = "vi\n", .uid = 1000, .user = "alice"});
  EXPECT_EQ(told(changed),
            "repaired file[motd] (3 ms): content 12 bytes → 30 bytes, mode 0600 → 0644 (changed by vi\\n (pid 7, user "
            "alice))\n");
  changed.by = nullptr;
  changed.delta = nullptr;
  EXPECT_EQ(told(changed), "repaired file[motd] (3 ms)\n");
}

TEST(Prose, AChangeSaysWhatItCan) {
  EXPECT_EQ(change_text({.param = "state", .before = Value("absent"), .after = Value("exists")}),
            "state absent → exists");
  EXPECT_EQ(change_text({.param = "cmd", .after = Value("sleep 10s")}), "cmd sleep 10s");
  EXPECT_EQ(change_text({.param = "content", .before = k12Bytes, .after = content_value("cc", 12)}),
            "content 12 bytes → other 12 bytes");
  EXPECT_EQ(change_text({.param = "owner", .item = "sub/a\n.txt", .before = Value("root"), .after = Value("")}),
            "sub/a\\n.txt: owner root → ''");
  EXPECT_EQ(change_text({.param = "output", .before = Value("x"), .known = false}), "output x → (known after the run)");
  EXPECT_EQ(change_text({.param = "password", .before = Value("a"), .after = Value("b"), .secret = true}),
            "password (secret)");
  EXPECT_EQ(change_text({.param = "msg", .after = Value(std::string(100, 'x'))}), "msg " + std::string(80, 'x') + "…");
}

TEST(Prose, ATreeOfChangesStaysOneLine) {
  std::vector<Change> many;
  for (int i = 0; i < 1000; ++i)
    many.push_back({.param = "state", .item = std::to_string(i), .after = Value("exists")});
  std::string text = told(Changed{.resource = "file[/t/]", .delta = delta(many)});
  EXPECT_EQ(text.find("changed file[/t/]: 0: state exists, 1: state exists"), 0u);
  EXPECT_NE(text.find(", 7: state exists, and 992 more\n"), std::string::npos);
}

TEST(Prose, ADryRunShowsEachParameterAndTheDiff) {
  auto text = std::make_shared<const TextPair>(TextPair{"a\nb\n", "a\nc\x1b\n"});
  Changed planned{.resource = "file[f]",
                  .delta = delta({{.param = "content", .before = k12Bytes, .after = k30Bytes, .text = text},
                                  {.param = "mode", .before = Value("0600"), .after = Value("0644")}}),
                  .dry = true};
  EXPECT_EQ(told(planned),
            "would change file[f]:\n"
            "    content 12 bytes → 30 bytes\n"
            "        @@ -1,2 +1,2 @@\n"
            "         a\n"
            "        -b\n"
            "        +c\\x1b\n"
            "    mode 0600 → 0644\n");
}

TEST(Prose, ASecretHasNoDiff) {
  auto text = std::make_shared<const TextPair>(TextPair{"old", "new"});
  EXPECT_EQ(
      told(Changed{
          .resource = "file[f]", .delta = delta({{.param = "content", .secret = true, .text = text}}), .dry = true}),
      "would change file[f]:\n    content (secret)\n");
}

TEST(Prose, AFailureHasPlaceCauseHintAndWhatComesNext) {
  Failed failed{.resource = "exec[x]",
                .place = "graph.yaml:7:5",
                .error = "exit status 3; its last lines:\nline\x07one",
                .hint = "look at the log",
                .retry_in = 2,
                .seconds = 1.5};
  EXPECT_EQ(told(failed),
            "failed exec[x] (1.50 s) at graph.yaml:7:5: exit status 3; its last lines:\n"
            "    line\\x07one\n"
            "    hint: look at the log\n"
            "    trying again in 2 s\n");
  EXPECT_EQ(told(Failed{.resource = "file[x]", .error = "Permission denied"}), "failed file[x]: Permission denied\n");
}

TEST(Prose, OutputNamesWhoseItIs) {
  EXPECT_EQ(told(Output{"exec[e]", "hello", Output::Stream::Stdout}), "exec[e]: hello\n");
  EXPECT_EQ(told(Output{"exec[e]", "oh\r", Output::Stream::Stderr}), "exec[e] stderr: oh\\r\n");
  EXPECT_EQ(told(Output{"print[p]", "two\nlines", Output::Stream::Print}), "print[p]: two\n    lines\n");
  EXPECT_EQ(told(Output{"exec[e]", "", Output::Stream::Stdout}), "exec[e]: \n");
}

TEST(Prose, OutcomesAndGraphs) {
  EXPECT_EQ(told(GraphStarted{.name = "hello", .resources = 10, .edges = 1}), "graph hello: 10 resources, 1 edge\n");
  EXPECT_EQ(told(GraphStarted{.name = "hello",
                              .generation = 2,
                              .resources = 10,
                              .edges = 4,
                              .kept = 8,
                              .added = 1,
                              .changed = 1,
                              .removed = 2}),
            "graph hello: now 10 resources, 4 edges (8 kept, 1 added, 1 changed, 2 removed)\n");
  EXPECT_EQ(told(Converged{}), "converged\n");
  Converged first{.seconds = 0.02, .watches = true, .watched = 12, .polled = 1};
  EXPECT_EQ(told(first), "converged in 20 ms; watching 12 paths (1 polled)\n");
  EXPECT_EQ(told(first, {.interactive = true}), "converged in 20 ms; watching 12 paths (1 polled); Ctrl-C stops\n");
  EXPECT_EQ(told(Settled{1, 2}), "settled with failures: 1 failed, 2 blocked\n");
  EXPECT_EQ(told(Settled{1, 0}), "settled with failures: 1 failed\n");
  EXPECT_EQ(told(Durable{}), "durable: what was written is on the disk\n");
  EXPECT_EQ(told(Started{"file[a]"}), "");
  EXPECT_EQ(told(Progress{}), "");
}

TEST(Prose, NoticesAreFilteredByTheirLevelAndFactsAreNot) {
  Notice debug{Notice::Level::Debug, "d"}, info{Notice::Level::Info, "i"}, warning{Notice::Level::Warning, "w", "h"},
      error{Notice::Level::Error, "e"};
  auto at = [&](Notice::Level level) {
    Prose prose{.level = level};
    return told(debug, prose) + told(info, prose) + told(warning, prose) + told(error, prose) +
           told(Fine{"file[a]", 0.001}, prose) + told(GraphStarted{}, prose) +
           told(Changed{.resource = "file[a]"}, prose) + told(Converged{}, prose);
  };
  std::string facts = "changed file[a]\nconverged\n";
  std::string serious = "warning: w\n    hint: h\nerror: e\n";
  EXPECT_EQ(at(Notice::Level::Debug),
            "debug: d\ni\n" + serious + "fine file[a] (1 ms)\ngraph: 0 resources, 0 edges\n" + facts);
  EXPECT_EQ(at(Notice::Level::Info), "i\n" + serious + "graph: 0 resources, 0 edges\n" + facts);
  EXPECT_EQ(at(Notice::Level::Warning), serious + facts);
  EXPECT_EQ(at(Notice::Level::Error), "error: e\n" + facts);
}

TEST(Prose, ANoticeOfAFileHasItsPlaceAndItsLine) {
  EXPECT_EQ(told(Notice{Notice::Level::Warning, "odd", "h", "g.yaml:7:3", "7 | x: y\n  |    ^\n"}),
            "warning: g.yaml:7:3: odd\n"
            "    7 | x: y\n"
            "      |    ^\n"
            "    hint: h\n");
}

TEST(Prose, TheSummaryOfGraph8) {
  Summary summary{.resources = 10,
                  .changed = 4,
                  .repaired = 1,
                  .failed = 1,
                  .blocked = 2,
                  .elapsed = 35.02,
                  .serial = 40.02,
                  .critical = 30.01,
                  .first_pass = 30.02};
  summary.critical_path = {"exec[exec1]", "exec[exec2]", "exec[exec3]"};
  EXPECT_EQ(
      told(summary),
      "10 resources, 4 changed, 1 repaired, 1 failed, 2 blocked in 35.02 s\n"
      "critical path 30.01 s: exec[exec1] → exec[exec2] → exec[exec3]; 1.3 times faster than one after the other\n");
}

TEST(Prose, ASummaryBoastsOfNothing) {
  Summary summary{.resources = 1,
                  .elapsed = 0.02,
                  .serial = 0.001,
                  .critical = 0.001,
                  .critical_path = {"noop[a]"},
                  .outcome = "stopped by SIGTERM"};
  EXPECT_EQ(told(summary), "1 resource, nothing changed in 20 ms: stopped by SIGTERM\ncritical path 1 ms: noop[a]\n");
  EXPECT_EQ(told(Summary{.resources = 2, .changed = 1, .dry = true, .elapsed = 0.1}),
            "2 resources, 1 would change in 100 ms\n");
  EXPECT_EQ(told(Summary{.resources = 2, .dry = true, .elapsed = 0.1}),
            "2 resources, nothing would change in 100 ms\n");
}

TEST(Prose, ALongCriticalPathIsCutInTheMiddle) {
  Summary summary{.resources = 9, .elapsed = 1};
  auto path = [&](int count) {
    summary.critical_path.clear();
    for (int i = 0; i < count; ++i) summary.critical_path.push_back(std::to_string(i));
    std::string text = told(summary);
    return text.substr(text.find('\n') + 1);
  };
  EXPECT_EQ(path(6), "critical path 0.0 ms: 0 → 1 → 2 → 3 → 4 → 5\n");
  EXPECT_EQ(path(100), "critical path 0.0 ms: 0 → 1 → 2 → … (94 more) → 97 → 98 → 99\n");
}

TEST(Prose, ColourIsAroundTheVerb) {
  EXPECT_EQ(told(Changed{.resource = "file[a]"}, {.color = true}), "\x1b[32mchanged\x1b[0m file[a]\n");
  EXPECT_EQ(told(Failed{.resource = "file[a]", .error = "no"}, {.color = true}),
            "\x1b[1;31mfailed\x1b[0m file[a]: no\n");
}

TEST(Prose, NothingFromOutsideReachesTheTerminalRaw) {
  std::string evil = "\x1b[2J\xff";
  for (const Body& body : std::vector<Body>{
           GraphStarted{.name = evil},
           Changed{.resource = evil,
                   .delta = delta({{.param = "p", .item = evil, .before = Value(evil), .after = Value(evil)}})},
           Fine{evil, 0}, Failed{.resource = evil, .place = evil, .error = evil, .hint = evil}, Output{evil, evil},
           Notice{Notice::Level::Info, evil, evil, evil, evil}, Summary{.critical_path = {evil}, .outcome = evil}}) {
    std::string text = told(body, {.level = Notice::Level::Debug});
    EXPECT_NE(text.find("\\x1b[2J\\xff"), std::string::npos) << body.index();
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << body.index();
  }
}

TEST(Prose, DurationsAsOneSaysThem) {
  EXPECT_EQ(duration_text(0.0003), "0.3 ms");
  EXPECT_EQ(duration_text(0.0035), "4 ms");
  EXPECT_EQ(duration_text(0.9999), "1.00 s");
  EXPECT_EQ(duration_text(2), "2 s");
  EXPECT_EQ(duration_text(59.999), "1 min 0 s");
  EXPECT_EQ(duration_text(125), "2 min 5 s");
  EXPECT_EQ(duration_text(12000), "3 h 20 min");
}

TEST(Prose, QuietSaysOnlyWhatIsWrong) {
  Prose quiet{.quiet = true};
  EXPECT_EQ(told(Changed{.resource = "file[a]"}, quiet), "");
  EXPECT_EQ(told(Notice{Notice::Level::Info, "x"}, quiet), "");
  EXPECT_EQ(told(Converged{}, quiet) + told(Summary{.resources = 1, .outcome = "converged"}, quiet), "");
  EXPECT_EQ(told(Notice{Notice::Level::Warning, "x"}, quiet), "warning: x\n");
  EXPECT_EQ(told(Failed{.resource = "file[a]", .error = "no", .times = 4}, quiet),
            "failed file[a], 4 times in a row: no\n");
  EXPECT_NE(told(Summary{.resources = 1, .failed = 1, .outcome = "settled with failures"}, quiet), "");
}

}  // namespace
}  // namespace mgmt::views
