// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "src/async/confine.h"
#include "src/base/text.h"
#include "src/cli/agent.h"
#include "src/cli/command_line.h"
#include "src/cli/graph_file.h"
#include "src/cli/planner.h"
#include "src/cli/reference.h"
#include "src/resources/dot.h"
#include "src/resources/kind.h"

namespace mgmt::cli {
namespace {

int complain(const Error& error, int code) {
  fmt::print(stderr, "mgmt: {}\n", error.text());
  if (!error.hint_text().empty()) fmt::print(stderr, "  hint: {}\n", error.hint_text());
  return code;
}

struct Perform {
  std::vector<std::string> arguments;

  int operator()(RunCommand command) const {
    GraphFile file = load_graph_file(command.file);
    std::fputs(file.messages.c_str(), stderr);
    if (!file.graph) return kBadInput;
    return Agent(std::move(command), std::move(file)).run();
  }

  int operator()(const PlanCommand& command) const { return plan(command, arguments); }
  int operator()(const ApplyCommand& command) const { return apply(command); }

  int operator()(const CheckCommand& command) const {
    GraphFile file = load_graph_file(command.file);
    std::fputs(file.messages.c_str(), stderr);
    if (!file.graph) return kBadInput;
    fmt::print("{}: fine: {}, {}\n", command.file, counted(file.graph->vertices.size(), "resource"),
               counted(file.graph->edges.size(), "edge"));
    return kOk;
  }

  int operator()(const GraphCommand& command) const {
    GraphFile file = load_graph_file(command.file);
    std::fputs(file.messages.c_str(), stderr);
    if (!file.graph) return kBadInput;
    if (command.output.empty() || command.output == "-") std::fputs(to_dot(*file.graph).c_str(), stdout);
    else write_picture(*file.graph, command.output);
    return kOk;
  }

  int operator()(const ResourcesCommand& command) const {
    ReferenceForm form = command.json       ? ReferenceForm::Json
                         : command.markdown ? ReferenceForm::Markdown
                                            : ReferenceForm::Text;
    try {
      std::fputs(reference(all_tables(), command.kind, form).c_str(), stdout);
    } catch (const Error& error) {
      return complain(error, kBadInput);
    }
    return kOk;
  }

  int operator()(const VersionCommand&) const {
    fmt::print("mgmt {}\n", MGMT_VERSION);
    return kOk;
  }

  int operator()(const HelpCommand& command) const {
    std::fputs(command.text.c_str(), stdout);
    return kOk;
  }
};

}  // namespace
}  // namespace mgmt::cli

int main(int argc, char** argv) {
  using namespace mgmt;
  using namespace mgmt::cli;
  // A reader that has gone is seen by the write that fails.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    // A guard of a dry run: see confine.h. It isn't in the help: nobody but mgmt starts it.
    if (arguments.size() > 1 && arguments[0] == "--confined")
      return confine::run_as_program({arguments.begin() + 1, arguments.end()});
    confine::offer();
    Result<cli::Command> command = parse_command_line(arguments);
    if (!command) return complain(command.error(), kBadInput);
    int code = std::visit(Perform{arguments}, std::move(*command));
    // What couldn't be printed was not said.
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) return complain(Error("writing to stdout failed"), kOther);
    return code;
  } catch (const Error& error) {
    return complain(error, kOther);
  } catch (const std::exception& error) {
    return complain(Error(error.what()), kOther);
  }
}
