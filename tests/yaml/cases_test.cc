// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the folders of cases beside this file, see README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "src/base/duration.h"
#include "src/frontends/yaml/yaml.h"
#include "src/resources/kind.h"

namespace mgmt {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = MGMT_YAML_CASES;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool accepting() {
  const char* accept = std::getenv("ACCEPT");
  return accept && std::string_view(accept) == "1";
}

std::string at(SourcePos pos) { return fmt::format("{}:{}", pos.line, pos.column); }

std::string show_meta(const Meta& meta) {
  std::string out;
  if (meta.noop) out += " noop";
  if (meta.retry) out += fmt::format(" retry={}", *meta.retry);
  if (meta.delay) out += fmt::format(" delay={}ms", meta.delay->count());
  if (meta.timeout.count() != 0) out += fmt::format(" timeout={}ms", meta.timeout.count());
  if (meta.poll.count() != 0) out += fmt::format(" poll={}", duration_text(meta.poll));
  for (const std::string& id : meta.sema) out += fmt::format(" sema={}", id);
  if (meta.dollar) out += " dollar";
  if (meta.hidden) out += " hidden";
  for (const std::string& host : meta.exports) out += fmt::format(" export={}", host);
  if (!meta.autoedge) out += " autoedge=false";
  if (!meta.autogroup) out += " autogroup=false";
  return out;
}

std::string show(const ResourceGraph& graph) {
  std::string out = fmt::format("graph {}\n", graph.name);
  for (const auto& vertex : graph.vertices) {
    out += fmt::format("{} at {}\n", vertex->id(), at(vertex->pos));
    for (const Params::Item& item : vertex->params.items()) {
      const Param& param = vertex->kind->params[item.index];
      out += fmt::format("  {}: {} = {} at {}{}\n", param.name, type_name(param.type), to_text(item.value),
                         at(item.pos), item.secret ? ", secret" : "");
    }
    if (vertex->meta != default_meta()) out += fmt::format("  meta:{}\n", show_meta(*vertex->meta));
  }
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    Topology::Edge ends = graph.topology.edges()[e];
    const Declaration &from = *graph.vertices[ends.from], &to = *graph.vertices[ends.to];
    out += fmt::format("edge {}: {} -> {}{}", graph.edges[e].name, from.id(), to.id(),
                       graph.edges[e].notify ? ", notify" : "");
    for (const Send& send : graph.edges[e].sends)
      out += fmt::format(", {} to {}", from.kind->outputs[send.output].name, to.kind->params[send.param].name);
    out += '\n';
  }
  for (const Collect& collect : graph.collects)
    out += fmt::format("collect {} into '{}'{} at {}\n", collect.kind->name, collect.pattern,
                       collect.allow_exec ? ", commands allowed" : "", at(collect.pos));
  if (graph.limits.changes) out += fmt::format("at most {} changes\n", *graph.limits.changes);
  if (graph.limits.removals) out += fmt::format("at most {} removals\n", *graph.limits.removals);
  for (const std::string& path : graph.limits.protect) out += fmt::format("protects {}\n", path);
  return out;
}

class Case : public testing::TestWithParam<std::string> {
 protected:
  yaml::Loaded load_graph() { return yaml::load(read_file(folder() / "graph.yaml"), "graph.yaml"); }
  void expect(const char* file, const std::string& actual) {
    if (accepting()) {
      std::ofstream(folder() / file, std::ios::binary) << actual;
      GTEST_SKIP() << "ACCEPT=1: rewrote what is expected";
    }
    EXPECT_EQ(actual, read_file(folder() / file));
  }

 private:
  fs::path folder() const { return kCases / GetParam(); }
};

std::vector<std::string> cases_in(const char* group) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kCases / group))
    names.push_back(fmt::format("{}/{}", group, entry.path().filename().string()));
  std::ranges::sort(names);
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = fs::path(info.param).filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

class Broken : public Case {};
TEST_P(Broken, IsRefusedWithItsMessage) {
  yaml::Loaded loaded = load_graph();
  EXPECT_EQ(loaded.graph, nullptr);
  EXPECT_TRUE(loaded.diagnostics.has_errors());
  expect("error", loaded.rendered);
}
INSTANTIATE_TEST_SUITE_P(Yaml, Broken, testing::ValuesIn(cases_in("broken")), test_name);

class Good : public Case {};
TEST_P(Good, IsUnderstood) {
  yaml::Loaded loaded = load_graph();
  ASSERT_NE(loaded.graph, nullptr) << loaded.rendered;
  EXPECT_FALSE(loaded.diagnostics.has_errors());
  expect("graph", loaded.rendered + show(*loaded.graph));
}
INSTANTIATE_TEST_SUITE_P(Yaml, Good, testing::ValuesIn(cases_in("good")), test_name);

fs::path corpus() {
  const char* given = std::getenv("MGMT_YAML_CORPUS");
  return given ? given : MGMT_YAML_CORPUS;
}

TEST(YamlCorpus, GraphsFromTheFieldLoadIfTheirKindsExist) {
  if (!fs::is_directory(corpus())) GTEST_SKIP() << "optional: there is no folder " << corpus();
  std::size_t loaded_graphs = 0, refused = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(corpus())) {
    if (entry.path().extension() != ".yaml") continue;
    std::string text = read_file(entry.path());
    yaml::Loaded loaded = yaml::load(text, entry.path().filename());
    ++(loaded.graph ? loaded_graphs : refused);
    bool has_unknown_kind = false;
    for (const Diagnostic& diagnostic : loaded.diagnostics.items()) {
      if (diagnostic.level != Diagnostic::Level::Error) continue;
      EXPECT_GT(diagnostic.pos.line, 0u) << diagnostic.text;
      has_unknown_kind = has_unknown_kind || diagnostic.text.starts_with("unknown kind");
    }
    EXPECT_EQ(loaded.graph == nullptr, has_unknown_kind) << loaded.rendered;
  }
  EXPECT_GT(loaded_graphs, 0u);
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace mgmt
