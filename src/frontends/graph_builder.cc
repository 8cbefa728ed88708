// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/graph_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "src/base/text.h"
#include "src/frontends/shown.h"
#include "src/resources/kind.h"
#include "src/resources/secrets.h"

namespace mgmt {

WrittenName parse_name(std::string_view written) {
  if (written.starts_with("@@")) return {written.substr(2), true};
  return {written, false};
}

// By kind, name, origin and whether it is exported. One flat block, so that nothing of it stays between the
// declarations.
class GraphBuilder::Index {
 public:
  explicit Index(std::size_t size) { ids_.reserve(size); }

  /// The vertex that already has this identity, if there is one.
  std::optional<VertexId> add(const Declaration& declaration, VertexId id) {
    Key key{declaration.kind, declaration.name, declaration.origin, declaration.exported};
    auto [at, added] = ids_.emplace(key, id);
    return added ? std::nullopt : std::optional(at->second);
  }

  std::optional<VertexId> find(const Kind* kind, std::string_view written) const {
    auto [name, exported] = parse_name(written);
    auto at = ids_.find(Key{kind, name, {}, exported});
    if (at == ids_.end() && !exported) at = ids_.find(Key{kind, name, {}, true});
    return at == ids_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  struct Key {
    const Kind* kind;
    std::string_view name;
    std::string_view origin;
    bool exported;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      std::hash<std::string_view> hash;
      std::size_t mixed = hash(key.name) + hash(key.origin) * 31 + (key.exported ? 1 : 0);
      return mixed ^ (reinterpret_cast<std::uintptr_t>(key.kind) * 0x9e3779b97f4a7c15ULL);
    }
  };
  boost::unordered_flat_map<Key, VertexId, Hash> ids_;
};

std::uint16_t GraphBuilder::add_source(std::string name) {
  sources_.push_back(std::move(name));
  return static_cast<std::uint16_t>(sources_.size() - 1);
}

void GraphBuilder::add(Declaration declaration, State state) {
  if (state == State::Broken) broken_.push_back(static_cast<VertexId>(vertices_.size()));
  declaration.params.shrink_to_fit();
  vertices_.push_back(std::make_shared<const Declaration>(std::move(declaration)));
}

void GraphBuilder::add_collect(Collect collect, SourcePos pattern_pos) {
  pattern_pos_.push_back(pattern_pos.line > 0 ? pattern_pos : collect.pos);
  collects_.push_back(std::move(collect));
}

GraphBuilder::Index GraphBuilder::make_index(Diagnostics& diagnostics) const {
  Index index(vertices_.size());
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    const Declaration& declaration = *vertices_[v];
    std::optional<VertexId> first = index.add(declaration, v);
    if (!first) continue;
    SourcePos pos = vertices_[*first]->pos;
    std::string_view source = pos.file < sources_.size() ? std::string_view(sources_[pos.file]) : std::string_view();
    diagnostics.error(declaration.pos, fmt::format("{} is declared twice", shown(declaration.id())),
                      fmt::format("it is declared at {} already: give one of them another name", place(source, pos)));
  }
  return index;
}

// The edges whose ends both exist, one for each pair; `ends` is parallel to the result.
std::vector<std::size_t> GraphBuilder::resolve_edges(const Index& index, std::vector<Topology::Edge>& ends,
                                                     Diagnostics& diagnostics) {
  std::vector<std::size_t> kept;
  kept.reserve(edges_.size());
  ends.reserve(edges_.size());
  boost::unordered_flat_map<std::uint64_t, std::size_t> by_ends;
  by_ends.reserve(edges_.size());
  for (std::size_t e = 0; e < edges_.size(); ++e) {
    Edge& edge = edges_[e];
    std::optional<VertexId> from = index.find(edge.from.kind, edge.from.name);
    std::optional<VertexId> to = index.find(edge.to.kind, edge.to.name);
    if (!from) report_missing(edge.from, diagnostics);
    if (!to) report_missing(edge.to, diagnostics);
    if (!from || !to) continue;
    auto [at, added] = by_ends.emplace(std::uint64_t{*from} << 32 | *to, e);
    if (added) {
      kept.push_back(e);
      ends.push_back({*from, *to});
    } else if (edge.notify) {
      edges_[at->second].notify = true;
    }
  }
  return kept;
}

void GraphBuilder::report_missing(const EdgeEnd& end, Diagnostics& diagnostics) {
  auto [wanted, exported] = parse_name(end.name);
  std::string hint;
  constexpr int kSuggestions = 20;
  if (suggestions_++ < kSuggestions) {
    std::vector<std::string_view> names;
    for (const auto& declaration : vertices_) {
      std::string_view name = declaration->name;
      if (name == wanted) {
        hint = fmt::format("there is {}: is that meant?", shown(declaration->id()));
        break;
      }
      // No name of a quite different length is near.
      if (declaration->kind == end.kind && name.size() < wanted.size() + 4 && wanted.size() < name.size() + 4)
        names.push_back(name);
    }
    if (hint.empty()) hint = did_you_mean(wanted, names);
  }
  diagnostics.error(end.pos, fmt::format("there is no {}{}[{}]", exported ? "@@" : "", end.kind->name, shown(wanted)),
                    hint);
}

void GraphBuilder::report_cycle(const Topology& topology, const std::vector<std::size_t>& edge_of,
                                Diagnostics& diagnostics) const {
  std::optional<std::vector<VertexId>> cycle = topology.find_cycle();
  if (!cycle) return;
  auto next = [&](std::size_t i) { return (*cycle)[(i + 1) % cycle->size()]; };
  // Shown at the edge that closes it: the last one written.
  boost::unordered_flat_map<std::uint64_t, bool> on_cycle;
  for (std::size_t i = 0; i < cycle->size(); ++i) on_cycle.emplace(std::uint64_t{(*cycle)[i]} << 32 | next(i), true);
  SourcePos pos;
  for (std::size_t e = 0; e < edge_of.size(); ++e) {
    const Topology::Edge& ends = topology.edges()[e];
    if (on_cycle.contains(std::uint64_t{ends.from} << 32 | ends.to)) pos = edges_[edge_of[e]].pos;
  }
  constexpr std::size_t kShown = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(cycle->size(), kShown); ++i)
    text += shown(vertices_[(*cycle)[i]]->id()) + " -> ";
  if (cycle->size() > kShown) text += fmt::format("({} more) -> ", cycle->size() - kShown);
  text += shown(vertices_[cycle->front()]->id());
  diagnostics.error(pos, "the edges form a cycle: " + text,
                    cycle->size() == 1 ? "nothing can wait for itself: remove this edge"
                                       : "each would wait for the one before it: remove one of these edges");
}

void GraphBuilder::check_collects(Diagnostics& diagnostics) const {
  boost::unordered_flat_map<const Kind*, SourcePos> seen;
  for (std::size_t i = 0; i < collects_.size(); ++i) {
    const Collect& collect = collects_[i];
    // Twice the same name from the same host would be one resource with two declarations.
    auto [first, added] = seen.emplace(collect.kind, collect.pos);
    if (!added)
      diagnostics.error(collect.pos, fmt::format("{} is collected twice", collect.kind->name),
                        fmt::format("it is collected in line {} already", first->second.line));
    if (!collect.pattern.empty() && !collect.kind->collect_into)
      diagnostics.error(pattern_pos_[i], fmt::format("a `pattern` means nothing for {}", collect.kind->name),
                        "leave it out");
    else if (!collect.pattern.empty() && !collect.pattern.starts_with('/'))
      diagnostics.error(pattern_pos_[i],
                        fmt::format("`pattern` must be an absolute path, not `{}`", shown(collect.pattern)),
                        "it is the folder that the collected files go to, as in /srv/collected/");
    if (collect.kind->name == "exec" && !collect.allow_exec)
      diagnostics.error(collect.pos, "collecting exec runs the commands of other hosts here",
                        "write `allow_exec: true` if that is meant");
  }
}

void GraphBuilder::validate(Diagnostics& diagnostics) const {
  auto broken = broken_.begin();
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    if (broken != broken_.end() && *broken == v) {
      ++broken;
      continue;
    }
    const Declaration& declaration = *vertices_[v];
    std::span<const Param> params = declaration.kind->params;
    bool complete = true;
    for (std::size_t i = 0; i < params.size(); ++i) {
      if (!params[i].required || declaration.params.has(static_cast<ParamIndex>(i))) continue;
      diagnostics.error(declaration.pos, fmt::format("{} has no `{}`", shown(declaration.id()), params[i].name),
                        fmt::format("{} needs it: {}", declaration.kind->name, params[i].doc));
      complete = false;
    }
    if (declaration.exported) {
      for (const Params::Item& item : declaration.params.items())
        if (is_secret(declaration, item))
          diagnostics.error(
              item.pos,
              fmt::format("{} can't be exported: `{}` is a secret", shown(declaration.id()), params[item.index].name),
              "what is exported can be read by all hosts");
    }
    if (complete && declaration.kind->validate) declaration.kind->validate(declaration, diagnostics);
  }
}

// Two resources of one path would undo each other for ever.
void GraphBuilder::check_paths(Diagnostics& diagnostics) const {
  std::unordered_map<std::string, const Declaration*> managers;
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    const Declaration& declaration = *vertices_[v];
    if (!declaration.kind->managed_path || declaration.exported || std::ranges::binary_search(broken_, v)) continue;
    auto path = declaration.kind->managed_path(declaration);
    if (!path) continue;
    auto [first, added] = managers.emplace(std::move(*path), &declaration);
    if (added || first->second->name == declaration.name) continue;  // one declared twice has been told of
    diagnostics.error(declaration.pos,
                      fmt::format("{} manages {}, as {} does", printable(declaration.id()), printable(first->first),
                                  printable(first->second->id())),
                      fmt::format("it is declared at {} already: one path has one resource",
                                  place(sources_[first->second->pos.file], first->second->pos)));
  }
}

std::shared_ptr<const ResourceGraph> GraphBuilder::finish(Diagnostics& diagnostics) && {
  Index index = make_index(diagnostics);
  std::vector<Topology::Edge> ends;
  std::vector<std::size_t> kept = resolve_edges(index, ends, diagnostics);
  Topology topology(vertices_.size(), std::move(ends));
  report_cycle(topology, kept, diagnostics);
  check_collects(diagnostics);
  validate(diagnostics);
  check_paths(diagnostics);
  if (diagnostics.has_errors()) return nullptr;

  auto graph = std::make_shared<ResourceGraph>();
  graph->name = std::move(graph_name_);
  graph->edges.reserve(kept.size());
  for (std::size_t e : kept) graph->edges.push_back({std::move(edges_[e].name), edges_[e].notify});
  graph->topology = std::move(topology);
  vertices_.shrink_to_fit();
  graph->vertices = std::move(vertices_);
  graph->collects = std::move(collects_);
  graph->sources = std::move(sources_);
  return graph;
}

}  // namespace mgmt
