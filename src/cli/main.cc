// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "src/async/confine.h"
#include "src/async/relay.h"
#include "src/base/cause.h"
#include "src/base/fd.h"
#include "src/base/folder.h"
#include "src/base/text.h"
#include "src/cli/agent.h"
#include "src/cli/approve.h"
#include "src/cli/command_line.h"
#include "src/cli/drawer.h"
#include "src/cli/get.h"
#include "src/cli/graph_file.h"
#include "src/cli/history.h"
#include "src/cli/init.h"
#include "src/cli/last_good.h"
#include "src/cli/pause.h"
#include "src/cli/place.h"
#include "src/cli/planner.h"
#include "src/cli/reap.h"
#include "src/cli/reference.h"
#include "src/cli/restore.h"
#include "src/cli/settle.h"
#include "src/cli/status.h"
#include "src/cli/whose.h"
#include "src/cli/why.h"
#include "src/engine/transform/prepare.h"
#include "src/resources/dot.h"
#include "src/resources/explain.h"
#include "src/resources/kind.h"

namespace mgmt::cli {
namespace {

int complain(const Error& error, int code) {
  // Not by fmt::print, which throws where nobody reads stderr.
  std::fputs(fmt::format("mgmt: {}\n", error.text()).c_str(), stderr);
  if (!error.hint_text().empty()) std::fputs(fmt::format("  hint: {}\n", error.hint_text()).c_str(), stderr);
  return code;
}

struct Read {
  std::shared_ptr<const ResourceGraph> graph;
  std::size_t own_edges = 0;
};

// The graph of a file as `run` begins with it, without what it collects; null, and all that is wrong is said.
Read read_graph(const GraphFiles& files) {
  GraphFile file = files.load();
  std::fputs(file.text().c_str(), stderr);
  if (!file.graph) return {};
  Prepared prepared = prepare(file.graph, {});
  for (const std::string& note : prepared.notes) fmt::print(stderr, "{}: note: {}\n", files.shown(), note);
  return {std::move(prepared.graph), file.graph->edges.size()};
}

// An agent goes on with what was good last; who only asked for a convergence wants this file.
GraphFile in_place_of(const GraphFile& broken, const RunCommand& command, const GraphFiles& files) {
  if (broken.untrusted || command.noop || command.tmp_prefix || command.asks_for_convergence() ||
      !files.can_be_followed())
    return {};
  try {
    return LastGood(place_of(command.prefix, command.hostname)).instead_of(broken, files);
  } catch (const Error& error) {
    complain(Error(error).while_doing("looking for the graph that was good last"), kBadInput);
    return {};
  }
}

// What an agent of root's keeps and believes is root's alone. A dry run keeps nothing.
std::optional<Error> refuse_prefix(const RunCommand& command) {
  if (command.noop || command.tmp_prefix) return std::nullopt;
  return loose_folder(place_of(command.prefix, command.hostname).prefix);
}

struct Perform {
  std::vector<std::string> arguments;

  int operator()(RunCommand command) const {
    if (auto wrong = refuse_prefix(command)) return complain(*wrong, kBadInput);
    GraphFiles files(command.files, Trust::of_this_process(command.trust_file));
    GraphFile file = files.load();
    if (!file.graph) {
      std::fputs(file.text().c_str(), stderr);
      file = in_place_of(file, command, files);
      if (!file.graph) return kBadInput;
    }
    if (!command.graphviz.empty()) {
      try {
        check_target(command.graphviz);
      } catch (const Error& error) {
        return complain(Error(error).while_doing("--graphviz"), kBadInput);
      }
    }
    // A reader that has gone is seen by the write that fails, and the machine's state is kept without it.
    std::signal(SIGPIPE, SIG_IGN);
    return Agent(std::move(command), std::move(files), std::move(file)).run();
  }

  int operator()(const PlanCommand& command) const { return plan(command, arguments); }
  int operator()(const ApplyCommand& command) const {
    if (auto wrong = refuse_prefix(command.run)) return complain(*wrong, kBadInput);
    return apply(command);
  }

  int operator()(const CheckCommand& command) const {
    GraphFiles files(command.files);
    auto [graph, own_edges] = read_graph(files);
    if (!graph) return kBadInput;
    // It changes nothing itself; who runs it next would be stopped.
    for (const Message& message : GraphFiles(command.files, Trust::of_this_process()).doubts())
      std::fputs(render(message).c_str(), stderr);
    std::size_t automatic = graph->edges.size() - own_edges;
    fmt::print("{}: fine: {}, {}{}\n", files.shown(), counted(graph->vertices.size(), "resource"),
               counted(own_edges, "edge"), automatic > 0 ? ", " + counted(automatic, "automatic edge") : "");
    return kOk;
  }

  int operator()(const GraphCommand& command) const {
    if (command.running) return show_running_graph(command);
    auto [graph, own_edges] = read_graph(GraphFiles(command.files));
    if (!graph) return kBadInput;
    if (command.explain) {
      std::fputs((command.json ? explain_json(*graph) : explain(*graph)).c_str(), stdout);
      return kOk;
    }
    if (command.output.empty() || command.output == "-") {
      std::fputs(to_dot(*graph).c_str(), stdout);
      return kOk;
    }
    try {
      check_target(command.output);
    } catch (const Error& error) {
      return complain(error, kBadInput);
    }
    if (is_picture(command.output)) return draw_and_wait(*graph, command.output);
    replace_file(command.output, to_dot(*graph), 0644);
    return kOk;
  }

  int operator()(const InitCommand& command) const {
    try {
      write_first_graph(command.file);
    } catch (const Error& error) {
      return complain(error, kBadInput);
    }
    fmt::print("{} is written; next: mgmt plan {}\n", command.file, command.file);
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

  int operator()(const HistoryCommand& command) const { return show_history(command); }

  int operator()(const StatusCommand& command) const { return show_status(command); }
  int operator()(const WhyCommand& command) const { return show_why(command); }
  int operator()(const ApproveCommand& command) const { return approve(command); }
  int operator()(const ReapCommand& command) const { return reap(command); }
  int operator()(const RestoreCommand& command) const { return restore(command); }
  int operator()(const PauseCommand& command) const { return pause(command); }
  int operator()(const ResumeCommand& command) const { return resume(command); }
  int operator()(const WhoseCommand& command) const { return whose(command); }
  int operator()(const GetCommand& command) const { return get(command); }

  int operator()(const SettleCommand& command) const { return settle(command); }

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
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    // A guard of a dry run: see confine.h. It isn't in the help: nobody but mgmt starts it.
    if (arguments.size() > 1 && arguments[0] == "--confined")
      return confine::run_as_program({arguments.begin() + 1, arguments.end()});
    // A command that outlives mgmt: see relay.h.
    if (arguments.size() > 1 && arguments[0] == "--relay")
      return relay::run_as_program({arguments.begin() + 1, arguments.end()});
    confine::offer();
    relay::offer();
    Result<cli::Command> command = parse_command_line(arguments);
    if (!command) return complain(command.error(), kBadInput);
    int code = std::visit(Perform{arguments}, std::move(*command));
    // What couldn't be printed was not said.
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) return complain(Error("writing to stdout failed"), kOther);
    return code;
  } catch (const Error& error) {
    return complain(with_cause(error, ""), kOther);
  } catch (const std::exception& error) {
    return complain(Error(error.what()), kOther);
  }
}
