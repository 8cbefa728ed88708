// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine itself costs, without any work to do and with nobody reading the report: one JSON object a line.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "src/async/loop.h"
#include "src/engine/run/engine.h"
#include "src/engine/transform/auto_edges.h"
#include "src/engine/transform/group.h"
#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::shared_ptr<const ResourceGraph> noops(std::size_t size, std::vector<Topology::Edge> edges,
                                           std::size_t changed = SIZE_MAX) {
  auto graph = std::make_shared<ResourceGraph>();
  for (std::size_t i = 0; i < size; ++i) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind("noop");
    declaration->name = fmt::format("n{}", i);
    if (i == changed) declaration->params.set(0, Value("changed"), {});
    graph->vertices.push_back(std::move(declaration));
  }
  graph->edges.resize(edges.size());
  graph->topology = Topology(size, std::move(edges));
  return graph;
}

std::vector<Topology::Edge> random_edges(std::size_t size, std::size_t count) {
  std::mt19937 random(1);
  std::vector<Topology::Edge> edges;
  while (edges.size() < count) {
    auto a = static_cast<VertexId>(random() % size), b = static_cast<VertexId>(random() % size);
    if (a != b) edges.push_back({std::min(a, b), std::max(a, b)});
  }
  return edges;
}

// A small graph may settle within load().
struct Settling {
  Loop& loop;
  bool settled = false;
  void watch(Engine& engine) {
    engine.on_settled = [this](bool) {
      settled = true;
      loop.stop();
    };
  }
  void load(Engine& engine, const std::shared_ptr<const ResourceGraph>& graph) {
    settled = false;
    engine.load(graph);
    if (!settled) loop.run();
  }
};

// From a ready graph to converged.
double time_to_converge(const std::shared_ptr<const ResourceGraph>& graph) {
  Loop loop;
  report::Report nobody;
  Engine engine(loop, nobody, {});
  Settling settling{loop};
  settling.watch(engine);
  TimePoint begin = Clock::now();
  settling.load(engine, graph);
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

double time_swap(const std::shared_ptr<const ResourceGraph>& before,
                 const std::shared_ptr<const ResourceGraph>& after) {
  Loop loop;
  report::Report nobody;
  Engine engine(loop, nobody, {});
  Settling settling{loop};
  settling.watch(engine);
  settling.load(engine, before);
  TimePoint begin = Clock::now();
  settling.load(engine, after);
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Files in folders of a hundred, children first; with `cycle`, all of them before their root by the user's edges.
std::shared_ptr<const ResourceGraph> files(std::size_t size, bool cycle) {
  auto graph = std::make_shared<ResourceGraph>();
  auto add = [&](const char* kind, std::string name) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind(kind);
    declaration->name = std::move(name);
    graph->vertices.push_back(std::move(declaration));
    return static_cast<VertexId>(graph->vertices.size() - 1);
  };
  std::vector<Topology::Edge> edges;
  VertexId gate = add("noop", "gate");
  for (std::size_t i = 0; i < size - 2; ++i) {
    VertexId file =
        add("file", i % 100 == 99 ? fmt::format("/srv/tree/{}/", i / 100) : fmt::format("/srv/tree/{}/{}", i / 100, i));
    if (cycle) edges.push_back({file, gate});
  }
  VertexId root = add("file", "/srv/tree/");
  if (cycle) edges.push_back({gate, root});
  graph->edges.resize(edges.size());
  graph->topology = Topology(graph->vertices.size(), std::move(edges));
  return graph;
}

double time_auto_edges(const std::shared_ptr<const ResourceGraph>& graph) {
  TimePoint begin = Clock::now();
  AutoEdges result = add_auto_edges(graph);
  double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  if (result.graph->edges.size() <= graph->edges.size()) throw Error("no automatic edge was found");
  return ms;
}

double time_grouping(const ResourceGraph& graph) {
  TimePoint begin = Clock::now();
  std::shared_ptr<const Groups> groups = find_groups(graph);
  double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  if (!groups) throw Error("nothing was grouped");
  return ms;
}

template <class Run>
double median(Run run) {
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) times.push_back(run());
  std::ranges::sort(times);
  return times[times.size() / 2];
}

}  // namespace
}  // namespace mgmt

int main() {
  using namespace mgmt;
  constexpr std::size_t kSize = 100'000;
  std::vector<Topology::Edge> chain, fan;
  for (VertexId v = 1; v < kSize; ++v) {
    chain.push_back({v - 1, v});
    fan.push_back({0, v});
  }
  for (auto& [name, edges] :
       {std::pair{"chain", chain}, {"fan-out", fan}, {"random", random_edges(kSize, 2 * kSize)}}) {
    auto graph = noops(kSize, edges);
    fmt::print("{{\"name\": \"{}\", \"ns_per_vertex\": {:.0f}}}\n", name,
               median([&] { return time_to_converge(graph); }) / kSize);
  }
  constexpr std::size_t kSwapped = 10'000;
  auto edges = random_edges(kSwapped, 2 * kSwapped);
  auto before = noops(kSwapped, edges), after = noops(kSwapped, edges, 5000);
  fmt::print("{{\"name\": \"swap\", \"ms\": {:.3f}}}\n", median([&] { return time_swap(before, after); }));
  for (auto& [name, cycle] : {std::pair{"automatic edges", false}, {"automatic edges, all on cycles", true}}) {
    auto graph = files(10'000, cycle);
    fmt::print("{{\"name\": \"{}\", \"transform_ms\": {:.3f}, \"limit\": 20}}\n", name,
               median([&] { return time_auto_edges(graph); }));
  }
  for (auto& [size, limit] : {std::pair<std::size_t, int>{1'000, 5}, {10'000, 50}}) {
    auto graph = noops(size, random_edges(size, 2 * size));
    fmt::print("{{\"name\": \"grouping of {}\", \"transform_ms\": {:.3f}, \"limit\": {}}}\n", size,
               median([&] { return time_grouping(*graph); }), limit);
  }
}
