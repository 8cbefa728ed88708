// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/graph_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/frontends/shown.h"

namespace mgmt::yaml {
namespace {

constexpr std::string_view kTopNames[] = {"graph", "comment", "resources", "types",
                                          "edges", "collect", "limits",    "remote"};
enum TopKey { kGraph, kComment, kResources, kTypes, kEdges, kCollect, kLimits, kRemote };
constexpr std::string_view kEdgeNames[] = {"name", "from", "to", "notify", "send"};
enum EdgeKey { kEdgeName, kFrom, kTo, kNotify, kSend };
constexpr std::string_view kEndNames[] = {"kind", "type", "name"};
enum EndKey { kEndKind, kEndType, kEndName };
constexpr std::string_view kCollectNames[] = {"kind", "type", "pattern", "allow_exec"};
enum CollectKey { kCollectKind, kCollectType, kPattern, kAllowExec };

constexpr Param kGraphParam{.name = "graph", .type = kStr, .doc = {}, .required = true};
constexpr Param kNameParam{.name = "name", .type = kStr, .doc = {}, .required = true};
constexpr Param kKindParam{.name = "kind", .type = kStr, .doc = {}, .required = true};
constexpr Param kNotifyParam{.name = "notify", .type = kBool, .doc = {}};
constexpr Param kSendParam{.name = "send", .type = kStr, .doc = {}, .required = true};
constexpr Param kPatternParam{.name = "pattern", .type = kStr, .doc = {}};
constexpr Param kAllowExecParam{.name = "allow_exec", .type = kBool, .doc = {}};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string top_hint(std::string_view key) {
  if (find_kind(key)) return fmt::format("`{}` is a kind: write it below `resources:`", key);
  return "it has graph, comment, resources, edges, collect and limits";
}
std::string end_hint(std::string_view /*key*/) { return "it has kind and name"; }
std::string collect_hint(std::string_view /*key*/) { return "it has kind, pattern and allow_exec"; }

// What was most likely meant to be a key.
std::string root_hint(const Event& root) {
  bool word = root.type == Event::Type::Scalar && root.text.find(':') != std::string_view::npos;
  return word ? "a key ends with `: ` (with a blank)" : "it begins with `graph: NAME`";
}

}  // namespace

void GraphReader::read() {
  Event event = nodes_.next();
  if (event.type != Event::Type::DocumentStart)
    throw SyntaxError{{1, 1, 0}, "the file is empty", "a graph begins with `graph: NAME`"};
  Event root = nodes_.next();
  if (root.is_null()) throw SyntaxError{root.pos, "the file is empty", "a graph begins with `graph: NAME`"};
  read_document(root);
  while ((event = nodes_.next()).type == Event::Type::DocumentEnd) {
  }
  if (event.type == Event::Type::DocumentStart)
    diagnostics_.error(event.pos, "a second document begins here",
                       "one file is one graph: write its parts into one document, or two files");
}

void GraphReader::read_document(const Event& root) {
  SourcePos begin = root.pos;
  if (root.type != Event::Type::MapStart) {
    diagnostics_.error(begin, "a graph is a mapping with keys such as `graph:` and `resources:`", root_hint(root));
    nodes_.skip(root);
    return;
  }
  bool named = false, declares = false;
  auto read_key = [&](std::size_t which, const Key& key) {
    declares |= which == kResources || which == kTypes || which == kEdges || which == kCollect;
    switch (which) {
      case kGraph: {
        named = true;
        std::optional<PlacedValue> name = nodes_.read_value(kGraphParam);
        if (name && name->text().empty()) diagnostics_.error(name->pos, "the graph has no name", "write graph: NAME");
        if (name) builder_.set_name(name->text());
        break;
      }
      case kComment: nodes_.skip_next(); break;
      case kResources:
      case kTypes: read_kinds(key); break;
      case kEdges: {
        Event first = nodes_.next();
        if (nodes_.begins_list(first, "edges", "edges")) nodes_.each_item([&](const Event& item) { read_edge(item); });
        break;
      }
      case kCollect: {
        Event first = nodes_.next();
        if (nodes_.begins_list(first, "collect", "mappings"))
          nodes_.each_item([&](const Event& item) { read_collect(item); });
        break;
      }
      case kLimits: read_limits(); break;
      case kRemote:
        // Without its place: the line would be shown, and its URL often holds a password.
        diagnostics_.warning({.file = file_}, "`remote` is not supported: this graph runs on this machine",
                             "run mgmt on the host itself, and take the line out");
        nodes_.skip_next();
        break;
    }
  };
  nodes_.each_known_key("a graph", kTopNames, read_key, top_hint);
  if (!named) diagnostics_.error(begin, "the graph has no `graph:`", "write its name, as in graph: web");
  // More likely a file that was cut off than the wish to have nothing.
  else if (!declares && !diagnostics_.has_errors())
    diagnostics_.error(begin, "the graph declares nothing: it has no `resources`, no `edges` and no `collect`",
                       "an empty graph is written `resources: {}`");
}

void GraphReader::see_spelling(Spelling spelling, const Key& key) {
  if (spelling_ == Spelling::Unknown) spelling_ = spelling;
  if (spelling_ == spelling || spelling_warned_) return;
  spelling_warned_ = true;
  std::string_view other = key.text == "kind"    ? "type"
                           : key.text == "type"  ? "kind"
                           : key.text == "types" ? "resources"
                                                 : "types";
  diagnostics_.warning(key.pos,
                       fmt::format("`{}` is {} spelling, and what stands before it is not", key.text,
                                   spelling == Spelling::Today ? "today's" : "the 2016"),
                       fmt::format("write `{}`; both mean the same", other));
}

void GraphReader::read_kinds(const Key& key) {
  bool of_2016 = key.text == "types";
  Spelling spelling = of_2016 ? Spelling::Of2016 : Spelling::Today;
  (of_2016 ? types_ : resources_) = key.pos;
  if (SourcePos other = of_2016 ? resources_ : types_; other.line > 0)
    diagnostics_.error(
        key.pos, fmt::format("`{}` beside `{}`", key.text, of_2016 ? "resources" : "types"),
        fmt::format("`types` is the 2016 spelling of `resources` (line {}): write one list", other.line));
  else see_spelling(spelling, key);
  Event first = nodes_.next();
  if (!nodes_.begins_map(first, key.text, "kinds")) return;
  std::vector<std::pair<const Kind*, SourcePos>> seen;
  nodes_.each_key([&](const Key& name) {
    const Kind* kind = find_kind_or_report(name.text, name.pos);
    if (!kind) {
      unknown_kinds_.insert(name.text);
      nodes_.skip_next();
      return;
    }
    auto at = std::ranges::find(seen, kind, &std::pair<const Kind*, SourcePos>::first);
    if (at == seen.end()) at = seen.insert(at, {kind, {}});
    if (nodes_.is_first(name, at->second)) read_resources_of(*kind, name);
    else nodes_.skip_next();
  });
}

void GraphReader::read_resources_of(const Kind& kind, const Key& key) {
  Event first = nodes_.next();
  if (nodes_.begins_list(first, key.text, "resources"))
    nodes_.each_item([&](const Event& item) { read_resource(kind, item); });
}

const Kind* GraphReader::find_kind_or_report(std::string_view name, SourcePos pos) {
  if (const Kind* kind = find_kind(name)) return kind;
  std::vector<std::string_view> names;
  for (const Kind* kind : all_kinds()) names.push_back(kind->name);
  std::string hint = did_you_mean(name, names);
  if (hint.empty() && name == "name")
    hint = "it belongs to a resource: indent it like the keys of one, or begin one with `- `";
  if (hint.empty()) hint = fmt::format("the kinds are {}", enumeration(names));
  diagnostics_.error(pos, fmt::format("unknown kind `{}`", shown(name)), hint);
  return nullptr;
}

// The `kind` or `type` of an edge's end or of a collect, in any case.
void GraphReader::read_kind_name(const Key& key, bool& has_kind, const Kind*& kind) {
  if (has_kind) {
    diagnostics_.error(key.pos, "`kind` beside `type`", "they mean the same: write `kind` alone");
    return nodes_.skip_next();
  }
  has_kind = true;
  see_spelling(key.text == "type" ? Spelling::Of2016 : Spelling::Today, key);
  std::optional<PlacedValue> word = nodes_.read_value(kKindParam);
  if (!word) return;
  std::string name = lower(word->text());
  // One error for an unknown kind is enough, where its resources stand.
  if (!unknown_kinds_.contains(name)) kind = find_kind_or_report(name, word->pos);
}

GraphReader::EdgeSide GraphReader::read_edge_side(const Key& key) {
  Event first = nodes_.next();
  std::vector<GraphBuilder::EdgeEnd> ends;
  bool whole = true;
  if (first.type == Event::Type::ListStart) {
    SourcePos begin = first.pos;
    bool any = false;
    nodes_.each_item([&](const Event& item) {
      any = true;
      whole = read_edge_ends(key, item, ends) && whole;
    });
    if (!any) {
      diagnostics_.error(begin, fmt::format("`{}` is an empty list", key.text), "leave the edge out if it has no ends");
      return std::nullopt;
    }
  } else {
    whole = read_edge_ends(key, first, ends);
  }
  return whole ? std::optional(std::move(ends)) : std::nullopt;
}

// One mapping; its name may be a list.
bool GraphReader::read_edge_ends(const Key& key, const Event& first, std::vector<GraphBuilder::EdgeEnd>& into) {
  SourcePos begin = first.pos;
  if (first.type != Event::Type::MapStart) {
    std::string_view text = first.text;
    std::size_t bracket = text.find('[');
    bool as_shown =
        first.type == Event::Type::Scalar && bracket != text.npos && text.ends_with(']') && text.size() < 100;
    std::string hint =
        as_shown ? fmt::format("write {}: {{kind: {}, name: {}}}", key.text, printable(text.substr(0, bracket)),
                               printable(text.substr(bracket + 1, text.size() - bracket - 2)))
                 : fmt::format("write {}: {{kind: KIND, name: NAME}}", key.text);
    diagnostics_.error(begin, fmt::format("`{}` must be a mapping with `kind` and `name`", key.text), hint);
    nodes_.skip(first);
    return false;
  }
  const Kind* kind = nullptr;
  std::vector<PlacedValue> names;
  bool has_kind = false, has_name = false, whole = true;
  auto read_name = [&](const Event& name) {
    if (std::optional<PlacedValue> value = nodes_.read_value(kNameParam, name)) names.push_back(std::move(*value));
    else whole = false;
  };
  auto read_key = [&](std::size_t which, const Key& inner) {
    if (which != kEndName) return read_kind_name(inner, has_kind, kind);
    has_name = true;
    Event name = nodes_.next();
    if (name.type != Event::Type::ListStart) return read_name(name);
    nodes_.each_item(read_name);
    if (!names.empty() || !whole) return;
    diagnostics_.error(inner.pos, "`name` is an empty list", "write one name, or several");
    whole = false;
  };
  nodes_.each_known_key("an edge's end", kEndNames, read_key, end_hint);
  if (!has_kind)
    diagnostics_.error(begin, fmt::format("`{}` has no `kind`", key.text), "an end of an edge is a kind and a name");
  if (!has_name)
    diagnostics_.error(begin, fmt::format("`{}` has no `name`", key.text), "an end of an edge is a kind and a name");
  if (!kind || !has_name || !whole) return false;
  for (PlacedValue& name : names) into.push_back({kind, name.text(), name.pos});
  return true;
}

// `send: {stdout: content}`
std::optional<std::vector<GraphBuilder::WrittenSend>> GraphReader::read_sends() {
  Event first = nodes_.next();
  std::vector<GraphBuilder::WrittenSend> sends;
  if (!nodes_.begins_map(first, "send", "outputs and the parameters that they go to")) return std::nullopt;
  std::vector<std::pair<std::string, SourcePos>> seen;
  bool whole = true;
  nodes_.each_key([&](const Key& output) {
    auto at = std::ranges::find(seen, output.text, &std::pair<std::string, SourcePos>::first);
    if (at == seen.end()) at = seen.insert(at, {output.text, {}});
    if (!nodes_.is_first(output, at->second)) {
      whole = false;
      return nodes_.skip_next();
    }
    std::optional<PlacedValue> param = nodes_.read_value(kSendParam);
    if (param) sends.push_back({output.text, param->text(), output.pos, param->pos});
    else whole = false;
  });
  return whole ? std::optional(std::move(sends)) : std::nullopt;
}

void GraphReader::read_edge(const Event& first) {
  SourcePos begin = first.pos;
  constexpr std::string_view kShape =
      "an edge is {name: NAME, from: {kind: KIND, name: NAME}, to: {kind: KIND, name: NAME}}";
  if (first.type != Event::Type::MapStart) {
    diagnostics_.error(begin, "an edge must be a mapping with `from` and `to`", std::string(kShape));
    nodes_.skip(first);
    return;
  }
  GraphBuilder::Edge edge;
  edge.pos = begin;
  bool has_from = false, has_to = false;
  EdgeSide from, to;
  nodes_.each_known_key("an edge", kEdgeNames, [&](std::size_t which, const Key& key) {
    switch (which) {
      case kEdgeName:
        if (std::optional<PlacedValue> name = nodes_.read_value(kNameParam)) edge.name = name->text();
        break;
      case kFrom:
        has_from = true;
        from = read_edge_side(key);
        break;
      case kTo:
        has_to = true;
        to = read_edge_side(key);
        break;
      case kNotify:
        if (std::optional<PlacedValue> notify = nodes_.read_value(kNotifyParam)) {
          edge.notify = notify->value.get<bool>();
          edge.notify_pos = key.pos;
        }
        break;
      case kSend:
        if (auto sends = read_sends()) edge.sends = std::move(*sends);
        break;
    }
  });
  if (!has_from) diagnostics_.error(begin, "the edge has no `from`", std::string(kShape));
  if (!has_to) diagnostics_.error(begin, "the edge has no `to`", std::string(kShape));
  if (from && to) add_edges(edge, *from, *to);
}

// Each on one side before each on the other.
void GraphReader::add_edges(const GraphBuilder::Edge& edge, const std::vector<GraphBuilder::EdgeEnd>& from,
                            const std::vector<GraphBuilder::EdgeEnd>& to) {
  constexpr std::size_t kMost = 1'000'000;
  if (from.size() > kMost / to.size()) {
    diagnostics_.error(edge.pos, fmt::format("this edge stands for {} edges", from.size() * to.size()),
                       "put a noop between: an edge from all to it, and one from it to all");
    return;
  }
  for (const GraphBuilder::EdgeEnd& before : from) {
    for (const GraphBuilder::EdgeEnd& after : to) {
      GraphBuilder::Edge one = edge;
      one.from = before;
      one.to = after;
      builder_.add_edge(std::move(one));
    }
  }
}

void GraphReader::read_collect(const Event& first) {
  Collect collect;
  collect.pos = first.pos;
  if (first.type != Event::Type::MapStart) {
    diagnostics_.error(first.pos, "an item of `collect` must be a mapping with `kind`", "write - kind: file");
    nodes_.skip(first);
    return;
  }
  bool has_kind = false;
  SourcePos pattern_pos;
  auto read_key = [&](std::size_t which, const Key& key) {
    switch (which) {
      case kCollectKind:
      case kCollectType: read_kind_name(key, has_kind, collect.kind); break;
      case kPattern:
        if (std::optional<PlacedValue> pattern = nodes_.read_value(kPatternParam)) {
          collect.pattern = pattern->text();
          pattern_pos = pattern->pos;
        }
        break;
      case kAllowExec:
        if (std::optional<PlacedValue> allow = nodes_.read_value(kAllowExecParam))
          collect.allow_exec = allow->value.get<bool>();
        break;
    }
  };
  nodes_.each_known_key("a collect", kCollectNames, read_key, collect_hint);
  if (!has_kind)
    diagnostics_.error(collect.pos, "this collect has no `kind`", "say what is to be collected, as in kind: file");
  if (collect.kind) builder_.add_collect(std::move(collect), pattern_pos);
}

}  // namespace mgmt::yaml
