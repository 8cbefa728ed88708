// SPDX-License-Identifier: GPL-3.0-or-later
// The part of GraphReader that reads one resource.
#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/frontends/shown.h"
#include "src/frontends/yaml/graph_reader.h"

namespace mgmt::yaml {
namespace {

constexpr Param kNameParam{.name = "name", .type = kStr, .doc = {}, .required = true};
// exec's word of 2016 for what is `meta: poll` today.
constexpr std::string_view kPollint = "pollint";
constexpr Param kPollintParam{.name = kPollint, .type = kDuration, .doc = {}, .min = 0, .unit = "s"};

ParamIndex index_of(std::span<const Param> table, const Param* param) {
  return static_cast<ParamIndex>(param - table.data());
}

ParamIndex meta_index(std::string_view name) { return index_of(meta_params(), find_param(meta_params(), name)); }
const ParamIndex kPoll = meta_index("poll"), kSema = meta_index("sema"), kExport = meta_index("export"),
                 kHidden = meta_index("hidden"), kDollar = meta_index("dollar"), kLimit = meta_index("limit");

const ObsoleteParam* find_obsolete(const Kind& kind, std::string_view name) {
  auto at = std::ranges::find(kind.obsolete, name, &ObsoleteParam::name);
  return at == kind.obsolete.end() ? nullptr : &*at;
}

}  // namespace

struct GraphReader::Draft {
  Declaration declaration;
  Unread unread;
  bool has_name_key = false;
  SourcePos name_key, meta_key;
  Params meta;
  /// What it says above 0; else empty.
  std::string pollint;
  SourcePos pollint_pos;
  std::vector<std::pair<ParamIndex, SourcePos>> seen;

  void fail(ParamIndex index) {
    if (!unread.has(index)) unread.params.push_back(index);
  }
  SourcePos& seen_param(ParamIndex index) {
    auto at = std::ranges::find(seen, index, &std::pair<ParamIndex, SourcePos>::first);
    return at != seen.end() ? at->second : seen.emplace_back(index, SourcePos()).second;
  }
};

void GraphReader::read_resource(const Kind& kind, const Event& first) {
  if (first.type != Event::Type::MapStart) {
    bool word = first.type == Event::Type::Scalar && !first.is_null() && first.text.size() < 60;
    bool key = word && first.text.find(':') != std::string_view::npos;
    diagnostics_.error(first.pos, "a resource must be a mapping that has a `name`",
                       key    ? "a key ends with `: ` (with a blank)"
                       : word ? fmt::format("write - name: {}", printable(first.text))
                              : "write - name: NAME, and its parameters below");
    nodes_.skip(first);
    return;
  }
  Draft draft;
  draft.declaration.kind = &kind;
  draft.declaration.pos = first.pos;
  nodes_.each_key([&](const Key& key) { read_resource_key(draft, key); });
  if (!draft.has_name_key && !draft.unread.name)
    diagnostics_.error(first.pos, fmt::format("this {} has no `name`", kind.name),
                       "each resource has one, as in - name: motd");
  finish_meta(draft);
  if (draft.declaration.name.empty()) draft.unread.name = true;
  if (kind.beside_graph && !folder_.empty()) kind.beside_graph(draft.declaration, folder_);
  builder_.add(std::move(draft.declaration), std::move(draft.unread));
}

void GraphReader::read_resource_key(Draft& draft, const Key& key) {
  const Kind& kind = *draft.declaration.kind;
  auto once = [&](SourcePos& seen) {
    if (nodes_.is_first(key, seen)) return true;
    nodes_.skip_next();
    return false;
  };
  if (key.text == "name") {
    draft.has_name_key = true;
    if (once(draft.name_key)) read_name(draft);
    else draft.unread.name = true;
  } else if (key.text == "meta") {
    if (once(draft.meta_key)) read_meta(draft);
  } else if (const Param* param = find_param(kind.params, key.text)) {
    ParamIndex index = index_of(kind.params, param);
    if (once(draft.seen_param(index))) read_parameter(draft, index);
    else draft.fail(index);
  } else if (const ObsoleteParam* obsolete = find_obsolete(kind, key.text)) {
    read_obsolete(draft, *obsolete, key);
  } else {
    read_unknown_parameter(draft, key);
  }
}

void GraphReader::read_name(Draft& draft) {
  std::optional<PlacedValue> value = nodes_.read_value(kNameParam);
  if (!value) return;
  auto [name, exported] = parse_name(value->text());
  draft.declaration.pos = value->pos;
  bool blank = name.find_first_not_of(' ') == std::string_view::npos;
  bool misleads = printable(name) != name;
  if (name.starts_with('@') && exported)
    diagnostics_.error(value->pos, fmt::format("the name `{}` begins with more than @@", shown(value->text())),
                       "@@ exports the resource whose name comes behind it");
  else if (blank)
    diagnostics_.error(
        value->pos,
        fmt::format("the name of this {} is {}", draft.declaration.kind->name, name.empty() ? "empty" : "blank"),
        exported ? "write the name behind the @@" : "edges and messages call a resource by its name");
  else if (misleads)
    diagnostics_.error(value->pos,
                       fmt::format("a name is one line of text that shows as it is written, not `{}`", shown(name)));
  draft.declaration.name = misleads || blank ? std::string() : std::string(name);
  draft.declaration.exported = exported;
}

void GraphReader::read_parameter(Draft& draft, ParamIndex index) {
  std::optional<PlacedValue> value = nodes_.read_parameter(draft.declaration.kind->params[index]);
  if (!value) return draft.fail(index);
  draft.declaration.params.set(index, std::move(value->value), value->pos);
  if (value->items.size() > 1) draft.declaration.params.place_items(index, std::move(value->items));
  if (value->secrets) draft.declaration.params.taint(index, *value->secrets);
}

void GraphReader::read_obsolete(Draft& draft, const ObsoleteParam& obsolete, const Key& key) {
  const Kind* kind = draft.declaration.kind;
  if (obsolete.name != kPollint) {
    nodes_.skip_next();
  } else if (std::optional<PlacedValue> value = nodes_.read_value(kPollintParam)) {
    if (value->text() != "0s") {
      draft.pollint = value->text();
      draft.pollint_pos = key.pos;
      return;
    }
  } else {
    return;
  }
  if (first_note(kind, obsolete.name))
    diagnostics_.note(key.pos,
                      fmt::format("`{}` of {} does nothing here: {}", obsolete.name, kind->name, obsolete.note));
}

void GraphReader::read_unknown_parameter(Draft& draft, const Key& key) {
  const Kind& kind = *draft.declaration.kind;
  std::vector<std::string_view> names = param_names(kind.params);
  names.insert(names.end(), {"name", "meta"});
  std::string hint = did_you_mean(key.text, names);
  if (hint.empty() && find_param(meta_params(), key.text))
    hint = fmt::format("`{}` is a meta parameter: write it under `meta:`", key.text);
  if (hint.empty()) hint = fmt::format("`mgmt resources {}` shows its parameters", kind.name);
  diagnostics_.error(key.pos, fmt::format("unknown parameter `{}` of {}", shown(key.text), kind.name), hint);
  // What was most likely meant is not missing.
  if (std::optional<std::string_view> meant = nearest_word(key.text, names)) {
    if (*meant == "name") draft.unread.name = true;
    else if (const Param* param = find_param(kind.params, *meant)) draft.fail(index_of(kind.params, param));
  }
  nodes_.skip_next();
}

void GraphReader::read_meta(Draft& draft) {
  Event first = nodes_.next();
  if (!nodes_.begins_map(first, "meta", "meta parameters")) return;
  std::vector<SourcePos> seen(meta_params().size());
  nodes_.each_key([&](const Key& key) { read_meta_key(draft, seen, key); });
}

void GraphReader::read_meta_key(Draft& draft, std::vector<SourcePos>& seen, const Key& key) {
  const Param* param = find_param(meta_params(), key.text);
  if (!param) {
    const Kind& kind = *draft.declaration.kind;
    std::vector<std::string_view> names = param_names(meta_params());
    std::string hint = did_you_mean(key.text, names);
    if (const Param* misplaced = find_param(kind.params, key.text)) {
      hint = fmt::format("`{}` is a parameter of {}: write it beside `meta:`, not below it", key.text, kind.name);
      draft.fail(index_of(kind.params, misplaced));
    }
    if (hint.empty()) hint = fmt::format("there are {}", enumeration(names));
    diagnostics_.error(key.pos, fmt::format("unknown meta parameter `{}`", shown(key.text)), hint);
    return nodes_.skip_next();
  }
  ParamIndex index = index_of(meta_params(), param);
  if (!nodes_.is_first(key, seen[index])) return nodes_.skip_next();
  if (std::optional<PlacedValue> value = nodes_.read_value(*param))
    draft.meta.set(index, std::move(value->value), value->pos);
}

void GraphReader::finish_meta(Draft& draft) {
  if (!draft.pollint.empty() && draft.meta.has(kPoll))
    diagnostics_.note(draft.pollint_pos, "`pollint` has no effect beside `meta: poll`");
  if (!draft.pollint.empty() && !draft.meta.has(kPoll)) {
    draft.meta.set(kPoll, Value(draft.pollint), draft.pollint_pos);
    if (first_note(nullptr, kPollint))
      diagnostics_.note(draft.pollint_pos, fmt::format("`pollint: {0}` is read as `meta: poll: {0}`", draft.pollint));
  }
  check_dollar(draft);
  if (draft.meta.items().empty()) return;
  if (draft.declaration.exported && draft.meta.has(kHidden)) {
    diagnostics_.error(draft.meta.pos_or(kHidden, draft.meta_key),
                       "`hidden` beside a name with @@, which says so already", "leave out one of them");
    return;
  }
  try {
    std::shared_ptr<const Meta> meta = make_meta(draft.meta);
    if (*meta != *last_meta_) last_meta_ = std::move(meta);
    draft.declaration.meta = last_meta_;
    draft.declaration.exported |= last_meta_->hidden;
  } catch (const Error& error) {
    // All but these is judged by the table.
    ParamIndex which = error.text().contains("`export`") ? kExport : error.text().contains("`limit") ? kLimit : kSema;
    diagnostics_.error(draft.meta.pos_or(which, draft.meta_key), error);
  }
}

// A name that looks like a variable is more likely a template that nobody filled in.
void GraphReader::check_dollar(const Draft& draft) {
  const Declaration& declaration = draft.declaration;
  const Params::Item* allowed = draft.meta.find_item(kDollar);
  if (!declaration.name.starts_with('$') || (allowed && allowed->value.get<bool>())) return;
  diagnostics_.error(declaration.pos, fmt::format("the name `{}` begins with `$`", shown(declaration.name)),
                     "there are no variables in YAML; if it is the name, write meta: {dollar: true}");
}

}  // namespace mgmt::yaml
