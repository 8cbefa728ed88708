// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/graph_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/frontends/shown.h"
#include "src/resources/kind.h"
#include "src/resources/secrets.h"

namespace mgmt {

WrittenName parse_name(std::string_view written) {
  if (written.starts_with("@@")) return {written.substr(2), true};
  return {written, false};
}

// By kind, name, origin and whether it is hidden. One flat block, so that nothing of it stays between the
// declarations.
class GraphBuilder::Index {
 public:
  explicit Index(std::size_t size) { ids_.reserve(size); }

  /// The first vertex that already has this name, if there is one.
  std::optional<VertexId> add(const Declaration& declaration, VertexId id) {
    Key key{declaration.kind, declaration.name, declaration.origin, declaration.hidden()};
    auto [at, added] = ids_.emplace(key, id);
    if (added) return std::nullopt;
    if (declaration.hidden()) more_[at->second].push_back(id);
    return at->second;
  }

  /// All that the name means: several hidden ones may have it, for different hosts.
  std::vector<VertexId> find(const Kind* kind, std::string_view written) const {
    auto [name, exported] = parse_name(written);
    auto at = ids_.find(Key{kind, name, {}, exported});
    if (at == ids_.end() && !exported) at = ids_.find(Key{kind, name, {}, true});
    if (at == ids_.end()) return {};
    std::vector<VertexId> all{at->second};
    if (auto more = more_.find(at->second); more != more_.end())
      all.insert(all.end(), more->second.begin(), more->second.end());
    return all;
  }

 private:
  struct Key {
    const Kind* kind;
    std::string_view name;
    std::string_view origin;
    bool hidden;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      std::hash<std::string_view> hash;
      std::size_t mixed = hash(key.name) + hash(key.origin) * 31 + (key.hidden ? 1 : 0);
      return mixed ^ (reinterpret_cast<std::uintptr_t>(key.kind) * 0x9e3779b97f4a7c15ULL);
    }
  };
  boost::unordered_flat_map<Key, VertexId, Hash> ids_;
  // The second and further hidden ones of a name, by the first.
  std::map<VertexId, std::vector<VertexId>> more_;
};

std::uint16_t GraphBuilder::add_source(std::string name) {
  sources_.push_back(std::move(name));
  return static_cast<std::uint16_t>(sources_.size() - 1);
}

void GraphBuilder::add(Declaration declaration, Unread unread) {
  if (declaration.name.empty()) {
    nameless_.emplace_back(std::move(declaration), std::move(unread));
    return;
  }
  if (unread.any()) unread_.emplace(static_cast<VertexId>(vertices_.size()), std::move(unread));
  declaration.params.shrink_to_fit();
  vertices_.push_back(std::make_shared<const Declaration>(std::move(declaration)));
}

void GraphBuilder::add_collect(Collect collect, SourcePos pattern_pos) {
  pattern_pos_.push_back(pattern_pos.line > 0 ? pattern_pos : collect.pos);
  collects_.push_back(std::move(collect));
}

void GraphBuilder::add_limits(Limits limits) {
  auto stricter = [](std::optional<std::uint64_t>& one, std::optional<std::uint64_t> other) {
    if (other && (!one || *other < *one)) one = other;
  };
  stricter(limits_.changes, limits.changes);
  stricter(limits_.removals, limits.removals);
  limits_.protect.insert(limits_.protect.end(), limits.protect.begin(), limits.protect.end());
}

GraphBuilder::Index GraphBuilder::make_index(Diagnostics& diagnostics) const {
  Index index(vertices_.size());
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    const Declaration& declaration = *vertices_[v];
    std::optional<VertexId> first = index.add(declaration, v);
    // Hidden ones may share a name if they are for different hosts.
    if (first && (!declaration.hidden() || declaration.exports_to().empty()))
      diagnostics.error(declaration.pos, fmt::format("{} is declared twice", shown(declaration.id())),
                        fmt::format("it is declared at {} already: give one of them another name", place_of(*first)));
  }
  for (const auto& [declaration, first] : repeated_) index.add(*declaration, first);
  return index;
}

std::string GraphBuilder::place_of(VertexId vertex) const { return place_of(vertices_[vertex]->pos); }

std::string GraphBuilder::place_of(SourcePos pos) const {
  return place(pos.file < sources_.size() ? std::string_view(sources_[pos.file]) : std::string_view(), pos);
}

std::string GraphBuilder::where(SourcePos pos, SourcePos seen_from) const {
  return pos.file == seen_from.file ? fmt::format("in line {}", pos.line) : "at " + place_of(pos);
}

// Of one name, a host gets one resource.
void GraphBuilder::check_exports(Diagnostics& diagnostics) const {
  std::map<std::pair<const Kind*, std::string_view>, std::vector<VertexId>> of_name;
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    const Declaration& declaration = *vertices_[v];
    if (declaration.hidden() && declaration.exports_to().empty() && !unread_.contains(v))
      diagnostics.warning(declaration.pos,
                          fmt::format("{} runs nothing here, and no host may collect it", shown(declaration.id())),
                          "`export: [\"*\"]` beside `hidden` lets all hosts");
    if (declaration.exports_to().empty()) continue;
    std::vector<VertexId>& others = of_name[{declaration.kind, declaration.name}];
    for (VertexId other : others) {
      std::span<const std::string> hosts = declaration.exports_to(), taken = vertices_[other]->exports_to();
      auto shared = std::ranges::find_if(hosts, [&](const std::string& host) {
        return host == "*" || std::ranges::find(taken, host) != taken.end() || taken.front() == "*";
      });
      if (shared == hosts.end()) continue;
      diagnostics.error(declaration.pos,
                        fmt::format("{} is exported twice to {}", shown(declaration.id()),
                                    *shared == "*" ? "all hosts" : fmt::format("`{}`", shown(*shared))),
                        fmt::format("it is declared at {} already: give one of them another name", place_of(other)));
      break;
    }
    others.push_back(v);
  }
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
    std::vector<VertexId> from = index.find(edge.from.kind, edge.from.name);
    std::vector<VertexId> to = index.find(edge.to.kind, edge.to.name);
    if (from.empty()) report_missing(edge.from, diagnostics);
    if (to.empty()) report_missing(edge.to, diagnostics);
    for (VertexId before : from) {
      for (VertexId after : to) {
        // Both ends are one.
        if (before == after && !repeated_.empty() && edge.from.name != edge.to.name) continue;
        check_notify(edges_[e], after, diagnostics);
        auto [at, added] = by_ends.emplace(std::uint64_t{before} << 32 | after, kept.size());
        if (added) {
          kept.push_back(e);
          ends.push_back({before, after});
          continue;
        }
        Edge& first = edges_[kept[at->second]];
        if (&first == &edge) continue;
        first.notify |= edge.notify;
        first.sends.insert(first.sends.end(), edge.sends.begin(), edge.sends.end());
      }
    }
  }
  return kept;
}

// "exec, noop and print": the kinds for which it holds.
static std::string kinds_where(bool (*holds)(const Kind&)) {
  std::vector<std::string_view> names;
  for (const Kind* kind : all_kinds())
    if (holds(*kind)) names.push_back(kind->name);
  return enumeration(names);
}

void GraphBuilder::check_notify(const Edge& edge, VertexId to, Diagnostics& diagnostics) const {
  const Kind& kind = *vertices_[to]->kind;
  if (!edge.notify || !kind.refresh.empty()) return;
  diagnostics.error(edge.notify_pos.line > 0 ? edge.notify_pos : edge.pos,
                    fmt::format("{} can't be notified: a {} has no refresh", shown(vertices_[to]->id()), kind.name),
                    fmt::format("{} have one; without `notify` the edge still says what comes first",
                                kinds_where([](const Kind& each) { return !each.refresh.empty(); })));
}

void GraphBuilder::resolve_sends(const std::vector<std::size_t>& kept, const std::vector<Topology::Edge>& ends,
                                 Diagnostics& diagnostics) {
  sends_.resize(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Declaration& from = *vertices_[ends[i].from];
    const Declaration& to = *vertices_[ends[i].to];
    for (const WrittenSend& written : edges_[kept[i]].sends) {
      std::optional<Send> send = resolve_send(written, from, to, diagnostics);
      if (!send) continue;
      std::vector<Received>& received = received_[ends[i].to];
      auto other = std::ranges::find(received, send->param, &Received::param);
      if (other == received.end()) {
        received.push_back({send->param, ends[i].from, send->output, written.param_pos});
        sends_[i].push_back(*send);
      } else if (other->from != ends[i].from || other->output != send->output) {
        diagnostics.error(
            written.param_pos,
            fmt::format("`{}` of {} is received twice", to.kind->params[send->param].name, shown(to.id())),
            fmt::format("`{}` of {} is sent to it {} already",
                        vertices_[other->from]->kind->outputs[other->output].name, shown(vertices_[other->from]->id()),
                        where(other->pos, written.param_pos)));
      }
    }
  }
}

static bool same_type(const Type& a, const Type& b) {
  return a.base == b.base && (!a.element || !b.element ? a.element == b.element : same_type(*a.element, *b.element));
}

std::optional<Send> GraphBuilder::resolve_send(const WrittenSend& send, const Declaration& from, const Declaration& to,
                                               Diagnostics& diagnostics) {
  auto wrong = [&](SourcePos pos, std::string text, std::string hint) {
    if (first_told(pos)) diagnostics.error(pos, std::move(text), std::move(hint));
    return std::nullopt;
  };
  for (const Declaration* end : {&from, &to})
    if (end->hidden())
      return wrong(send.output_pos, fmt::format("{} runs nothing here: it can't send or receive", shown(end->id())),
                   "send to the resource that is on this host");
  const Param* output = find_param(from.kind->outputs, send.output);
  if (!output) {
    std::vector<std::string_view> names = param_names(from.kind->outputs);
    std::string hint = did_you_mean(send.output, names);
    if (hint.empty() && !names.empty()) hint = fmt::format("it has {}", enumeration(names));
    if (names.empty())
      hint = fmt::format("{} can send", kinds_where([](const Kind& kind) { return !kind.outputs.empty(); }));
    return wrong(send.output_pos,
                 names.empty() ? fmt::format("{} has no outputs to send", from.kind->name)
                               : fmt::format("unknown output `{}` of {}", shown(send.output), from.kind->name),
                 std::move(hint));
  }
  std::vector<std::string_view> names;
  for (const Param& param : to.kind->params)
    if (param.receives) names.push_back(param.name);
  std::string can = names.empty() ? fmt::format("{} receives nothing", to.kind->name)
                                  : fmt::format("{} receives {}", to.kind->name, enumeration(names));
  const Param* param = find_param(to.kind->params, send.param);
  if (!param) {
    std::string hint = did_you_mean(send.param, param_names(to.kind->params));
    return wrong(send.param_pos, fmt::format("unknown parameter `{}` of {}", shown(send.param), to.kind->name),
                 hint.empty() ? std::move(can) : std::move(hint));
  }
  if (!param->receives)
    return wrong(send.param_pos, fmt::format("`{}` of {} can't be received", param->name, to.kind->name),
                 std::move(can));
  if (!same_type(output->type, param->type))
    return wrong(send.param_pos,
                 fmt::format("`{}` of {} is a {}, and `{}` of {} is a {}", output->name, from.kind->name,
                             type_name(output->type), param->name, to.kind->name, type_name(param->type)),
                 "only what has the same type can be sent");
  auto index = static_cast<ParamIndex>(param - to.kind->params.data());
  if (const Params::Item* item = to.params.find_item(index))
    return wrong(send.param_pos, fmt::format("`{}` of {} is written, and received too", param->name, shown(to.id())),
                 fmt::format("it is written {}: leave one of them out", where(item->pos, send.param_pos)));
  return Send{static_cast<ParamIndex>(output - from.kind->outputs.data()), index};
}

void GraphBuilder::report_missing(const EdgeEnd& end, Diagnostics& diagnostics) {
  if (!first_told(end.pos)) return;
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
                        fmt::format("it is collected {} already", where(first->second, collect.pos)));
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

static Value empty_value(const Type& type) {
  switch (type.base) {
    case Type::Base::Bool: return Value(false);
    case Type::Base::Int: return Value(std::int64_t{0});
    case Type::Base::Float: return Value(0.0);
    case Type::Base::Str: return Value("");
    case Type::Base::Duration: return Value("0s");
    case Type::Base::List: return Value(List());
    case Type::Base::Map: return Value(Map());
  }
  return Value();
}

void GraphBuilder::validate(Diagnostics& diagnostics) const {
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    Unread unread;
    if (auto broken = unread_.find(v); broken != unread_.end()) unread = broken->second;
    // What is received is there, only not yet which: the rules are asked with an empty value in its place.
    std::optional<Declaration> filled;
    if (auto received = received_.find(v); received != received_.end()) {
      filled = *vertices_[v];
      for (const Received& each : received->second)
        filled->params.set(each.param, empty_value(filled->kind->params[each.param].type), each.pos);
    }
    validate(filled ? *filled : *vertices_[v], std::move(unread), diagnostics);
  }
  for (const auto& [declaration, unread] : nameless_) validate(declaration, unread, diagnostics);
}

// That what isn't undone stays is no news to find out when it has left the graph.
void GraphBuilder::check_undo(const Declaration& declaration, Diagnostics& diagnostics) {
  if (!declaration.kind->cannot_undo)
    return diagnostics.error(declaration.pos,
                             fmt::format("{} can't be undone: `reverse` is not for the kind {}",
                                         shown(declaration.id()), declaration.kind->name),
                             "leave `reverse` out");
  if (std::optional<Error> why = declaration.kind->cannot_undo(declaration))
    diagnostics.error(declaration.pos, fmt::format("{} can't be undone: {}", shown(declaration.id()), why->text()),
                      why->hint_text());
}

void GraphBuilder::validate(const Declaration& declaration, Unread unread, Diagnostics& diagnostics) {
  std::span<const Param> params = declaration.kind->params;
  for (std::size_t i = 0; i < params.size(); ++i) {
    auto index = static_cast<ParamIndex>(i);
    if (!params[i].required || declaration.params.has(index) || unread.has(index)) continue;
    std::string whose = declaration.name.empty() ? fmt::format("this {}", declaration.kind->name) : declaration.id();
    diagnostics.error(declaration.pos, fmt::format("{} has no `{}`", shown(whose), params[i].name),
                      fmt::format("{} needs it: {}", declaration.kind->name, params[i].doc));
    unread.params.push_back(index);
  }
  if (declaration.hidden() || !declaration.exports_to().empty()) {
    for (const Params::Item& item : declaration.params.items())
      if (is_secret(declaration, item))
        diagnostics.error(
            item.pos,
            fmt::format("{} can't be exported: `{}` is a secret", shown(declaration.id()), params[item.index].name),
            "what is exported can be read by all hosts");
  }
  if (declaration.meta->reverse) check_undo(declaration, diagnostics);
  // What a hidden one comes to depends on where it goes: who takes it judges.
  if (declaration.kind->validate && !declaration.hidden()) validate_readings(declaration, unread, diagnostics);
}

// Those that manage one path. Equal ones become one, which has the names of all.
void GraphBuilder::find_shared_paths(Diagnostics& diagnostics) {
  std::unordered_map<std::string, VertexId> managers;
  std::vector<bool> repeated;
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    const Declaration& declaration = *vertices_[v];
    if (!declaration.kind->managed_path || declaration.hidden()) continue;
    auto unread = unread_.find(v);
    auto path = unread == unread_.end() ? declaration.kind->managed_path(declaration)
                                        : managed_path_of_readings(declaration, unread->second);
    if (!path) continue;
    auto [at, added] = managers.emplace(std::move(*path), v);
    const Declaration& first = *vertices_[at->second];
    if (added || first.name == declaration.name) continue;  // one declared twice is told of by its name
    bool known = unread == unread_.end() && !unread_.contains(at->second);
    if (known && first.kind == declaration.kind && *first.meta == *declaration.meta && declaration.kind->same_at_path &&
        declaration.kind->same_at_path(first, declaration)) {
      repeated.resize(vertices_.size());
      repeated[v] = true;
      repeated_.emplace_back(vertices_[v], at->second);
      diagnostics.note(declaration.pos, fmt::format("{} is {} once more, declared at {}: they are one",
                                                    shown(declaration.id()), shown(first.id()), place_of(at->second)));
    } else {
      shared_paths_.push_back({v, at->second, at->first});
    }
  }
  if (!repeated.empty()) drop_repeated(repeated);
}

void GraphBuilder::drop_repeated(const std::vector<bool>& repeated) {
  std::vector<VertexId> now(vertices_.size());
  std::vector<std::shared_ptr<const Declaration>> kept;
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    now[v] = static_cast<VertexId>(kept.size());
    if (!repeated[v]) kept.push_back(std::move(vertices_[v]));
  }
  vertices_ = std::move(kept);
  boost::unordered_flat_map<VertexId, Unread> unread;
  for (auto& [v, what] : unread_) unread.emplace(now[v], std::move(what));
  unread_ = std::move(unread);
  for (SharedPath& shared : shared_paths_) {
    shared.vertex = now[shared.vertex];
    shared.first = now[shared.first];
  }
  for (auto& [declaration, first] : repeated_) first = now[first];
}

// Two resources of one path would undo each other for ever.
void GraphBuilder::check_paths(Diagnostics& diagnostics) const {
  for (const SharedPath& shared : shared_paths_) {
    const Declaration& declaration = *vertices_[shared.vertex];
    diagnostics.error(declaration.pos,
                      fmt::format("{} manages {}, as {} does", printable(declaration.id()), printable(shared.path),
                                  printable(vertices_[shared.first]->id())),
                      fmt::format("it is declared at {} already: one path has one resource", place_of(shared.first)));
  }
  check_removed_folders(diagnostics);
}

// Nor can what goes with all that it holds have something in it: made again, removed again.
void GraphBuilder::check_removed_folders(Diagnostics& diagnostics) const {
  auto acts = [&](VertexId v) {
    const Declaration& declaration = *vertices_[v];
    return declaration.kind->managed_path && !declaration.hidden() && !declaration.meta->noop && !unread_.contains(v);
  };
  auto removes = [](const Declaration& declaration) {
    return declaration.kind->removes_path && declaration.kind->removes_path(declaration);
  };
  std::unordered_map<std::string, VertexId> removed;
  for (VertexId v = 0; v < vertices_.size(); ++v) {
    const Declaration& declaration = *vertices_[v];
    if (!acts(v) || !removes(declaration) || !declaration.kind->may_remove) continue;
    if (declaration.kind->may_remove(declaration) != Kind::kMany) continue;
    if (auto path = declaration.kind->managed_path(declaration)) removed.emplace(std::move(*path), v);
  }
  for (VertexId v = 0; v < vertices_.size() && !removed.empty(); ++v) {
    const Declaration& declaration = *vertices_[v];
    if (!acts(v) || removes(declaration)) continue;
    std::optional<std::string> path = declaration.kind->managed_path(declaration);
    for (std::string folder = path ? parent_path(*path) : "/"; folder != "/"; folder = parent_path(folder)) {
      auto found = removed.find(folder);
      if (found == removed.end()) continue;
      diagnostics.error(
          declaration.pos,
          fmt::format("{} is to be in {}, which {} removes with all that it holds", printable(declaration.id()),
                      printable(folder), printable(vertices_[found->second]->id())),
          fmt::format("that is declared at {}: both can't be", place_of(found->second)));
      break;
    }
  }
}

std::shared_ptr<const ResourceGraph> GraphBuilder::finish(Diagnostics& diagnostics) && {
  find_shared_paths(diagnostics);
  Index index = make_index(diagnostics);
  std::vector<Topology::Edge> ends;
  std::vector<std::size_t> kept = resolve_edges(index, ends, diagnostics);
  resolve_sends(kept, ends, diagnostics);
  Topology topology(vertices_.size(), std::move(ends));
  report_cycle(topology, kept, diagnostics);
  check_collects(diagnostics);
  check_exports(diagnostics);
  validate(diagnostics);
  check_paths(diagnostics);
  if (diagnostics.has_errors()) return nullptr;

  auto graph = std::make_shared<ResourceGraph>();
  graph->name = std::move(graph_name_);
  graph->edges.reserve(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Edge& edge = edges_[kept[i]];  // several hidden ones of a name share it
    graph->edges.push_back({edge.name, edge.notify, std::move(sends_[i]), edge.pos});
  }
  graph->topology = std::move(topology);
  vertices_.shrink_to_fit();
  graph->vertices = std::move(vertices_);
  graph->collects = std::move(collects_);
  graph->limits = std::move(limits_);
  graph->sources = std::move(sources_);
  return graph;
}

}  // namespace mgmt
