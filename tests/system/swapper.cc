// SPDX-License-Identifier: GPL-3.0-or-later
// The engine with the graphs of a list, swapped from each to the next at an interval that no edited file reaches, as
// mgmt lets a file rest for a moment first. Reports as `mgmt run --report json` does.
//
//   swapper PREFIX MILLISECONDS REST GRAPH...
//
// begins with REST, goes round the GRAPHs after a SIGUSR1, back to REST after the next, and so on; SIGTERM ends it.
#include <fmt/format.h>
#include <malloc.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "src/async/loop.h"
#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/engine/run/engine.h"
#include "src/engine/transform/prepare.h"
#include "src/events/signal/signals.h"
#include "src/frontends/yaml/yaml.h"
#include "src/state/agent_state.h"
#include "src/views/views.h"

namespace mgmt {
namespace {

std::shared_ptr<const ResourceGraph> graph_of(const char* path) {
  yaml::Loaded loaded = yaml::load(read_file(path), path);
  if (!loaded.graph) throw Error(loaded.rendered);
  return prepare(loaded.graph, {}).graph;
}

int run(const std::string& prefix, std::chrono::milliseconds interval, const std::vector<const char*>& paths) {
  std::vector<std::shared_ptr<const ResourceGraph>> graphs;
  for (const char* path : paths) graphs.push_back(graph_of(path));

  Loop loop;
  report::Report report;
  report.add(views::make_reader({.format = views::Format::Json}));
  state::AgentState journal(loop, {.prefix = prefix, .name = "swapper", .warn = [&](std::string text) {
                                     report.emit(report::Notice{report::Notice::Level::Warning, std::move(text)});
                                   }});
  // As mgmt is told by --repair-limit: who changes files by the thousand isn't to be slowed down.
  Engine engine(loop, report, {.repair_limit = 1'000'000}, nullptr, &journal);
  engine.on_settled = [](bool) { ::malloc_trim(0); };

  Loop::Timer timer(loop);
  std::size_t next = 0;
  std::function<void()> swap = [&] {
    engine.load(graphs[1 + next++ % (graphs.size() - 1)]);
    timer.after(interval, swap);
  };
  bool swapping = false;
  events::Signals signals(loop, {SIGUSR1, SIGTERM}, [&](int signal) {
    timer.cancel();
    if (signal == SIGTERM) return engine.stop(std::chrono::seconds(1), [&](bool) { loop.stop(); });
    swapping = !swapping;
    if (swapping) swap();
    else engine.load(graphs[0]);
  });
  engine.load(graphs[0]);
  loop.run();
  auto closed = journal.close(std::chrono::seconds(1));
  if (!closed) throw Error(closed.error());
  return report.close() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace mgmt

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: swapper PREFIX MILLISECONDS REST GRAPH...\n");
    return 2;
  }
  try {
    return mgmt::run(argv[1], std::chrono::milliseconds(std::atoi(argv[2])), {argv + 3, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "swapper: {}\n", error.what());
    return 1;
  }
}
