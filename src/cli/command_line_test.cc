// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/command_line.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mgmt::cli {
namespace {

RunCommand run(std::vector<std::string> arguments) {
  Result<Command> command = parse_command_line(std::move(arguments));
  if (!command) throw std::runtime_error(command.error().text());
  return std::get<RunCommand>(*command);
}

std::string complaint(std::vector<std::string> arguments) {
  Result<Command> command = parse_command_line(std::move(arguments));
  return command ? "none" : command.error().text() + " | " + command.error().hint_text();
}

TEST(CommandLine, TheThreeWaysToNameTheFileAreOne) {
  EXPECT_EQ(run({"run", "g.yaml"}).files, std::vector<std::string>{"g.yaml"});
  EXPECT_EQ(run({"run", "--file", "g.yaml"}).files, std::vector<std::string>{"g.yaml"});
  EXPECT_EQ(run({"run", "yaml", "g.yaml"}).files, std::vector<std::string>{"g.yaml"});
}

TEST(CommandLine, SeveralFilesAndStandardInputAreNamedAsTheyAre) {
  EXPECT_EQ(run({"run", "a", "conf.d", "-"}).files, (std::vector<std::string>{"a", "conf.d", "-"}));
  EXPECT_EQ(run({"run", "a", "-f", "b"}).files, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(run({"run", "yaml", "b"}).files, std::vector<std::string>{"b"});
}

TEST(CommandLine, TheOneOf2016WorksAsItWasWritten) {
  RunCommand command = run({"run", "--file", "graph8.yaml", "--converged-timeout=5", "--graphviz=example1.dot"});
  EXPECT_EQ(command.files, std::vector<std::string>{"graph8.yaml"});
  EXPECT_EQ(command.converged_timeout->count(), 5);
  EXPECT_EQ(command.graphviz, "example1.dot");
}

TEST(CommandLine, FlagsWithAndWithoutEqualsAndTheirOtherNames) {
  EXPECT_EQ(run({"run", "g", "--converger-timeout", "0.5", "--converged-exit"}).converged_timeout->count(), 0.5);
  EXPECT_TRUE(run({"run", "-n", "g"}).noop);
  EXPECT_TRUE(run({"run", "g", "--dry-run"}).noop);
  EXPECT_EQ(run({"run", "g", "--sema", "3"}).sema, 3);
  EXPECT_EQ(run({"run", "g"}).durability, Durability::Burst);
  EXPECT_EQ(run({"run", "g", "--durability=file"}).durability, Durability::File);
  EXPECT_FALSE(run({"run", "g", "--converged-timeout", "-1"}).asks_for_convergence());
  EXPECT_TRUE(run({"run", "g", "--once"}).asks_for_convergence());
}

TEST(CommandLine, MistakesNameWhatIsWrongAndWhatIsNear) {
  struct Mistake {
    std::vector<std::string> arguments;
    std::string complaint;
  };
  const Mistake mistakes[] = {
      // Commands.
      {{"rnu", "g"}, "mgmt has no command `rnu` | did you mean `run`?"},
      {{"web.yaml"}, "mgmt has no command `web.yaml` | mgmt run web.yaml"},
      {{""}, "mgmt has no command `` | `mgmt --help` lists what there is"},
      {{"--version", "x"}, "mgmt has no command `x` | `mgmt --help` lists what there is"},
      {{"version", "x"}, "mgmt version doesn't take `x` | `mgmt version --help` lists what there is"},
      {{"resources", "a", "b"}, "mgmt resources doesn't take `b` | `mgmt resources --help` lists what there is"},
      // The file.
      {{"run"}, "`mgmt run` needs the file with the graph | mgmt run FILE"},
      {{"run", ""}, "the name of the file is empty | mgmt run FILE"},
      {{"run", "a", "b", "a"}, "`a` is given twice | several files are one graph: each is read once"},
      {{"plan", "-", "--save", "p"},
       "a plan of standard input can't be saved: `mgmt apply` reads the graph again | write the graph into a file"},
      // Options that are not there.
      {{"run", "g", "--onec"}, "mgmt run has no option `--onec` | did you mean `--once`?"},
      {{"run", "g", "-x"}, "mgmt run has no option `-x` | `mgmt run --help` lists what there is"},
      {{"check", "g", "--sema", "3"},
       "mgmt check has no option `--sema` | it is an option of `mgmt run`: mgmt run --sema"},
      {{"--noop", "run", "g"}, "mgmt has no option `--noop` | it is an option of `mgmt run`: mgmt run --noop"},
      {{"run", "g", "--=3"}, "mgmt run has no option `--` | `mgmt run --help` lists what there is"},
      {{"run", "g", "-nx"}, "mgmt run doesn't take `-x` | `mgmt run --help` lists what there is"},
      // Options and their values.
      {{"run", "g", "--sema"}, "--sema has no value | write --sema=N"},
      {{"run", "g", "--sema", "--once"}, "--sema has no value | write --sema=N"},
      {{"run", "g", "-g"}, "-g has no value | write -g FILE"},
      {{"run", "a", "--graphviz=", "--once"}, "--graphviz has no value | write --graphviz=FILE"},
      {{"run", "a", "--graphviz", "a.pdf"},
       "`a.pdf` would be no kind of picture that is drawn here | end it with .dot, .svg or .png"},
      {{"run", "a", "--prefix", ""}, "--prefix has no value | write --prefix=FOLDER"},
      {{"run", "g", "--sema", "1", "--sema=2"}, "--sema is given twice: `1` and `2` | write it once"},
      {{"run", "g", "--once=maybe"}, "--once is on or off, not `maybe` | write --once alone"},
      {{"run", "--durability", "non", "g"},
       "--durability can be burst, file or none, not `non` | did you mean `none`?"},
      {{"run", "--sema", "x", "g"}, "--sema must be a whole number from 0 to 2147483647, not `x` | 0 is no limit"},
      {{"run", "--sema=-1", "g"}, "--sema must be a whole number from 0 to 2147483647, not `-1` | 0 is no limit"},
      {{"run", "--sema=1.5", "g"}, "--sema must be a whole number from 0 to 2147483647, not `1.5` | 0 is no limit"},
      {{"run", "--sema=99999999999999999999", "g"},
       "--sema must be a whole number from 0 to 2147483647, not `99999999999999999999` | 0 is no limit"},
      {{"run", "--repair-limit", "many", "g"},
       "--repair-limit must be a whole number from 0 to 4294967295, not `many` | 1000 is what it is if it isn't given"},
      {{"run", "--allow-removals", "all", "g"},
       "--allow-removals must be a whole number from 0 to 4294967295, not `all` | 20 is what it is without it"},
      {{"run", "--converged-timeout", "5x", "g"},
       "--converged-timeout must be a duration, not `5x` | write 500ms, 5s or 2m; a number alone is in seconds, as in "
       "5 "
       "or 0.5"},
      {{"run", "--max-runtime=nan", "g"},
       "--max-runtime must be a duration, not `nan` | write 500ms, 5s or 2m; a number alone is in seconds, as in 5 or "
       "0.5"},
      {{"run", "--max-runtime", "-3", "g"},
       "--max-runtime can't be negative: `-3` | leave it out, or write 0: then there is no limit"},
      {{"run", "g", "--recheck", "5x"},
       "--recheck must be a duration, not `5x` | write 500ms, 5s or 2m; a number alone is in seconds, as in 5 or 0.5"},
      {{"settle", "--timeout=-1"},
       "--timeout must be a duration, not `-1` | write 500ms, 5s or 2m; a number alone is in seconds, as in 5 or 0.5"},
      {{"settle", "--hostname", "a/b"},
       "`a/b` can't be a host's name | letters, digits, `-`, `_` and dots; --hostname NAME"},
      {{"run", "a", "--color", "alwys"}, "--color can be always, auto or never, not `alwys` | did you mean `always`?"},
      {{"run", "a", "--report", "jsn"},
       "--report can be auto, json, lines, none or terminal, not `jsn` | did you mean `json`?"},
      {{"run", "a", "--log-level", "inf"},
       "--log-level can be debug, error, info or warning, not `inf` | did you mean `info`?"},
      {{"run", "a", "--hostname", "a/b"},
       "`a/b` can't be a host's name | letters, digits, `-`, `_` and dots; --hostname NAME"},
      {{"run", "a", "--prefix", "/x", "--tmp-prefix"},
       "--prefix and --tmp-prefix exclude each other | --tmp-prefix makes a folder of its own: leave one of them out"},
      {{"graph", "a", "-o", "a.pdf"},
       "`a.pdf` names no kind of picture | end it with .dot, .svg or .png; `-` is dot text on stdout"},
      {{"graph", "a", "-o"}, "-o has no value | write -o FILE"},
      {{"resources", "--json", "--markdown"}, "--json and --markdown exclude each other | leave one of them out"},
  };
  for (const Mistake& mistake : mistakes) EXPECT_EQ(complaint(mistake.arguments), mistake.complaint);
}

TEST(CommandLine, DurationsHaveUnitsOrAreSeconds) {
  auto recheck = [](const char* text) { return run({"run", "g", "--recheck", text}).recheck.count(); };
  EXPECT_EQ(run({"run", "g"}).recheck.count(), 1800);
  EXPECT_EQ(recheck("500ms"), 0.5);
  EXPECT_EQ(recheck("5s"), 5);
  EXPECT_EQ(recheck("1.5m"), 90);
  EXPECT_EQ(recheck("2h"), 7200);
  EXPECT_EQ(recheck("1d"), 86400);
  EXPECT_EQ(recheck("7"), 7);
  EXPECT_EQ(recheck("0"), 0);
  for (const char* wrong : {"inf", "nan", "5 s", "s", "1e", "ms", "5min"})
    EXPECT_NE(complaint({"run", "g", "--recheck", wrong}), "none") << wrong;
  EXPECT_EQ(std::get<SettleCommand>(*parse_command_line({"settle"})).timeout.count(), 60);
  EXPECT_EQ(std::get<SettleCommand>(*parse_command_line({"settle", "--timeout", "0"})).timeout.count(), 0);
}

TEST(CommandLine, WhatOnlyLooksLikeAMistake) {
  for (const char* output : {"g.gv", "a.svg", "-"})
    EXPECT_EQ(std::get<GraphCommand>(*parse_command_line({"graph", "g", "-o", output})).output, output);
  EXPECT_EQ(run({"run", "--", "-x.yaml"}).files, std::vector<std::string>{"-x.yaml"});
  EXPECT_EQ(run({"run", "g", "-gout.dot"}).graphviz, "out.dot");
  EXPECT_EQ(run({"run", "g", "--graphviz=-x"}).graphviz, "-x");
  EXPECT_FALSE(run({"run", "g", "--once=false"}).once);
  EXPECT_TRUE(run({"run", "g", "--once", "--once"}).once);
  EXPECT_TRUE(std::isinf(run({"run", "g", "--max-runtime", "inf"}).max_runtime->count()));
  EXPECT_EQ(std::get<CheckCommand>(*parse_command_line({"check", "run"})).files, std::vector<std::string>{"run"});
}

TEST(CommandLine, HelpOfEachCommandAndOfAll) {
  EXPECT_NE(std::get<HelpCommand>(*parse_command_line({})).text.find("mgmt run graph.yaml"), std::string::npos);
  EXPECT_NE(std::get<HelpCommand>(*parse_command_line({"run", "--help"})).text.find("--converged-timeout"),
            std::string::npos);
  EXPECT_NE(std::get<HelpCommand>(*parse_command_line({"run", "--help"})).text.find("Usage: mgmt run "),
            std::string::npos);
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(*parse_command_line({"--version"})));
}

TEST(CommandLine, APlanIsADryRunToItsEnd) {
  Result<Command> command = parse_command_line({"plan", "g.yaml", "--json", "--save", "p", "--max-runtime", "3"});
  ASSERT_TRUE(command) << command.error().text();
  const auto& plan = std::get<PlanCommand>(*command);
  EXPECT_EQ(plan.run.files, std::vector<std::string>{"g.yaml"});
  EXPECT_TRUE(plan.run.noop && plan.run.once && plan.run.no_watch && plan.json);
  EXPECT_EQ(plan.save, "p");
  EXPECT_EQ(plan.run.max_runtime->count(), 3);
  EXPECT_EQ(complaint({"plan", "g", "--save", "p", "--same-as", "q"}), "--save and --same-as exclude each other | ");
  EXPECT_EQ(complaint({"plan", "g", "--max-runtime", "-1"}),
            "--max-runtime can't be negative: `-1` | leave it out, or write 0: then there is no limit");
  EXPECT_EQ(complaint({"plan", "g", "--once"}).substr(0, 31), "mgmt plan has no option `--once");
}

TEST(CommandLine, ASavedPlanIsAppliedOnce) {
  Result<Command> command = parse_command_line({"apply", "p", "--hostname", "a"});
  ASSERT_TRUE(command) << command.error().text();
  EXPECT_EQ(std::get<ApplyCommand>(*command).plan, "p");
  EXPECT_EQ(std::get<ApplyCommand>(*command).run.hostname, "a");
  EXPECT_EQ(complaint({"apply"}), "`mgmt apply` takes one saved plan | mgmt plan FILE --save PLAN makes it");
}

TEST(CommandLine, APauseHasAnEnd) {
  Result<Command> command = parse_command_line({"pause", "file[a]", "--for", "1.5h", "--reason", "moving disks"});
  ASSERT_TRUE(command) << command.error().text();
  EXPECT_EQ(std::get<PauseCommand>(*command).resource, "file[a]");
  EXPECT_EQ(std::get<PauseCommand>(*command).time, std::chrono::minutes(90));
  EXPECT_EQ(complaint({"pause"}), "`mgmt pause` needs its end | mgmt pause --for 30m --reason \"moving disks\"");
  for (const char* never : {"0", "soon", "400d"})
    EXPECT_EQ(complaint({"pause", "--for", never}),
              std::string("--for doesn't understand `") + never + "` | write 90s, 30m, 2h or 3d; at most 366d");
  EXPECT_EQ(std::get<ResumeCommand>(*parse_command_line({"resume"})).resource, "");
}

TEST(CommandLine, WhoseAndGetNeedToKnowWhat) {
  EXPECT_EQ(complaint({"whose"}), "`mgmt whose` needs a path | mgmt whose /etc/motd");
  EXPECT_TRUE(std::get<WhoseCommand>(*parse_command_line({"whose", "--unmanaged", "/etc"})).unmanaged);
  EXPECT_EQ(complaint({"get", "svc", "ssh"}),
            "`mgmt get` needs a kind and what to look at | mgmt get file /etc/motd; `file` is the kind that it knows");
  EXPECT_EQ(std::get<GetCommand>(*parse_command_line({"get", "file", "/a", "/b"})).names,
            (std::vector<std::string>{"/a", "/b"}));
}

}  // namespace
}  // namespace mgmt::cli
