// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/command_line.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(run({"run", "g.yaml"}).file, "g.yaml");
  EXPECT_EQ(run({"run", "--file", "g.yaml"}).file, "g.yaml");
  EXPECT_EQ(run({"run", "yaml", "g.yaml"}).file, "g.yaml");
}

TEST(CommandLine, TheOneOf2016WorksAsItWasWritten) {
  RunCommand command = run({"run", "--file", "graph8.yaml", "--converged-timeout=5", "--graphviz=example1.dot"});
  EXPECT_EQ(command.file, "graph8.yaml");
  EXPECT_EQ(command.converged_timeout->count(), 5);
  EXPECT_EQ(command.graphviz, "example1.dot");
}

TEST(CommandLine, FlagsWithAndWithoutEqualsAndTheirOtherNames) {
  EXPECT_EQ(run({"run", "g", "--converger-timeout", "0.5", "--converged-exit"}).converged_timeout->count(), 0.5);
  EXPECT_TRUE(run({"run", "-n", "g"}).noop);
  EXPECT_TRUE(run({"run", "g", "--dry-run"}).noop);
  EXPECT_EQ(run({"run", "g", "--sema", "3"}).sema, 3);
  EXPECT_FALSE(run({"run", "g", "--converged-timeout", "-1"}).asks_for_convergence());
  EXPECT_TRUE(run({"run", "g", "--once"}).asks_for_convergence());
}

TEST(CommandLine, MistakesNameWhatIsWrongAndWhatIsNear) {
  EXPECT_EQ(complaint({"run", "g", "--onec"}), "mgmt run has no option `--onec` | did you mean `--once`?");
  EXPECT_EQ(complaint({"rnu", "g"}), "mgmt has no command `rnu` | did you mean `run`?");
  EXPECT_EQ(complaint({"run"}), "`mgmt run` needs the file with the graph | mgmt run FILE");
  EXPECT_EQ(complaint({"run", "a", "b"}), "`mgmt run` takes one file, not 2: `a` and `b` | ");
  EXPECT_EQ(complaint({"run", "a", "--color", "alwys"}),
            "--color can be always, auto or never, not `alwys` | did you mean `always`?");
  EXPECT_EQ(complaint({"run", "a", "--graphviz=", "--once"}), "`--graphviz=` has no value behind it | ");
  EXPECT_EQ(complaint({"graph", "a", "-o", "a.pdf"}),
            "`a.pdf` names no kind of picture | end it with .dot, .svg or .png; `-` is dot text on stdout");
  EXPECT_EQ(complaint({"run", "a", "--hostname", "a/b"}),
            "`a/b` can't be a host's name | letters, digits, `-`, `_` and dots; --hostname NAME");
  EXPECT_EQ(complaint({"run", "a", "--prefix", "/x", "--tmp-prefix"}),
            "--prefix and --tmp-prefix exclude each other | ");
}

TEST(CommandLine, HelpOfEachCommandAndOfAll) {
  EXPECT_NE(std::get<HelpCommand>(*parse_command_line({})).text.find("mgmt run web.yaml"), std::string::npos);
  EXPECT_NE(std::get<HelpCommand>(*parse_command_line({"run", "--help"})).text.find("--converged-timeout"),
            std::string::npos);
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(*parse_command_line({"--version"})));
}

TEST(CommandLine, APlanIsADryRunToItsEnd) {
  Result<Command> command = parse_command_line({"plan", "g.yaml", "--json", "--save", "p", "--max-runtime", "3"});
  ASSERT_TRUE(command) << command.error().text();
  const auto& plan = std::get<PlanCommand>(*command);
  EXPECT_EQ(plan.run.file, "g.yaml");
  EXPECT_TRUE(plan.run.noop && plan.run.once && plan.run.no_watch && plan.json);
  EXPECT_EQ(plan.save, "p");
  EXPECT_EQ(plan.run.max_runtime->count(), 3);
  EXPECT_EQ(complaint({"plan", "g", "--save", "p", "--same-as", "q"}), "--save and --same-as exclude each other | ");
  EXPECT_EQ(complaint({"plan", "g", "--max-runtime", "-1"}), "--max-runtime can't be negative | ");
  EXPECT_EQ(complaint({"plan", "g", "--once"}).substr(0, 31), "mgmt plan has no option `--once");
}

TEST(CommandLine, ASavedPlanIsAppliedOnce) {
  Result<Command> command = parse_command_line({"apply", "p", "--hostname", "a"});
  ASSERT_TRUE(command) << command.error().text();
  EXPECT_EQ(std::get<ApplyCommand>(*command).plan, "p");
  EXPECT_EQ(std::get<ApplyCommand>(*command).run.hostname, "a");
  EXPECT_EQ(complaint({"apply"}), "`mgmt apply` takes one saved plan | mgmt plan FILE --save PLAN makes it");
}

}  // namespace
}  // namespace mgmt::cli
