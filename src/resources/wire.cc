// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "src/base/duration.h"
#include "src/base/text.h"
#include "src/resources/secrets.h"
#include "src/value/json.h"

namespace mgmt::wire {
namespace {

const Value* find(const Map& map, std::string_view key) {
  auto found = std::ranges::find(map, key, &Map::value_type::first);
  return found == map.end() ? nullptr : &found->second;
}

/// JSON's keys are text; a value may be bytes.
bool has_binary_key(const Value& value) {
  if (const auto* list = value.get_if<List>()) return std::ranges::any_of(*list, has_binary_key);
  const auto* map = value.get_if<Map>();
  return map && std::ranges::any_of(
                    *map, [](const auto& item) { return !is_utf8(item.first) || has_binary_key(item.second); });
}

/// The value as the type wants it: JSON has one sort of number.
std::optional<Value> conform(const Type& type, Value value) {
  switch (type.base) {
    case Type::Base::Bool: return value.get_if<bool>() ? std::optional(std::move(value)) : std::nullopt;
    case Type::Base::Int: return value.get_if<std::int64_t>() ? std::optional(std::move(value)) : std::nullopt;
    case Type::Base::Str: return value.get_if<std::string>() ? std::optional(std::move(value)) : std::nullopt;
    case Type::Base::Duration:
      // It was a number before it could have a unit, and what the number means is up to check_value().
      return value.get_if<std::string>() || value.get_if<std::int64_t>() ? std::optional(std::move(value))
                                                                         : std::nullopt;
    case Type::Base::Float:
      if (const auto* whole = value.get_if<std::int64_t>()) return Value(static_cast<double>(*whole));
      return value.get_if<double>() ? std::optional(std::move(value)) : std::nullopt;
    case Type::Base::List: {
      const auto* list = value.get_if<List>();
      if (!list) return std::nullopt;
      List out;
      for (const Value& item : *list) {
        std::optional<Value> converted = conform(*type.element, item);
        if (!converted) return std::nullopt;
        out.push_back(std::move(*converted));
      }
      return Value(std::move(out));
    }
    case Type::Base::Map: {
      const auto* map = value.get_if<Map>();
      if (!map) return std::nullopt;
      Map out;
      for (const auto& [key, item] : *map) {
        std::optional<Value> converted = conform(*type.element, item);
        if (!converted) return std::nullopt;
        out.emplace_back(key, std::move(*converted));
      }
      std::ranges::sort(out, {}, &Map::value_type::first);
      return Value(std::move(out));
    }
  }
  return std::nullopt;
}

/// Binds {"name": value} to a table, as a frontend binds what a user wrote. Throws Error.
Params bind(std::span<const Param> table, const Map& values, std::int64_t version, std::string_view what) {
  Params params;
  for (const auto& [name, value] : values) {
    const Param* param = find_param(table, name);
    if (!param || param->since > version)
      throw Error(fmt::format("unknown {} `{}`", what, printable(name))).hint(did_you_mean(name, param_names(table)));
    std::optional<Value> converted = conform(param->type, value);
    if (!converted) throw Error(fmt::format("`{}` must be a {}", param->name, type_name(param->type)));
    Result<Value> checked = check_value(*param, std::move(*converted));
    if (!checked) throw Error(checked.error());
    params.set(static_cast<ParamIndex>(param - table.data()), std::move(*checked), {});
  }
  for (const Param& param : table)
    if (param.required && !params.has(static_cast<ParamIndex>(&param - table.data())))
      throw Error(fmt::format("`{}` is missing", param.name));
  return params;
}

Map meta_map(const Meta& meta) {
  const Meta& unset = *default_meta();
  Map map;
  auto add = [&](const char* name, const auto& value, const auto& none, auto as_value) {
    if (value != none) map.emplace_back(name, as_value(value));
  };
  auto as_is = [](auto value) { return Value(value); };
  auto duration = [](std::optional<std::chrono::milliseconds> time) { return Value(duration_text(*time)); };
  add("autoedge", meta.autoedge, unset.autoedge, as_is);
  add("autogroup", meta.autogroup, unset.autogroup, as_is);
  add("burst", meta.burst, unset.burst, as_is);
  add("delay", meta.delay, unset.delay, duration);
  add("dollar", meta.dollar, unset.dollar, as_is);
  add("limit", meta.limit, unset.limit, as_is);
  add("noop", meta.noop, unset.noop, as_is);
  add("poll", meta.poll, unset.poll, duration);
  add("realize", meta.realize, unset.realize, as_is);
  add("reset", meta.reset, unset.reset, as_is);
  add("retry", meta.retry, unset.retry, [](auto times) { return Value(*times); });
  add("retryreset", meta.retryreset, unset.retryreset, as_is);
  add("rewatch", meta.rewatch, unset.rewatch, as_is);
  add("sema", meta.sema, unset.sema, [](const std::vector<std::string>& names) {
    List list;
    for (const std::string& name : names) list.emplace_back(name);
    return Value(std::move(list));
  });
  add("timeout", meta.timeout, unset.timeout, duration);
  return map;
}

const Map& map_at(const Map& map, std::string_view key) {
  static const Map kNone;
  const Value* value = find(map, key);
  if (!value) return kNone;
  const auto* found = value->get_if<Map>();
  if (!found) throw Error(fmt::format("`{}` must be a map", key));
  return *found;
}

const std::string& text_at(const Map& map, std::string_view key) {
  const Value* value = find(map, key);
  const auto* text = value ? value->get_if<std::string>() : nullptr;
  if (!text || text->empty() || text->find('\0') != text->npos) throw Error(fmt::format("no `{}`", key));
  return *text;
}

Declaration declaration_of(std::string_view text, FindKind find_by) {
  if (text.size() > kMaxBytes) throw Error(fmt::format("{} bytes: at most {}", text.size(), kMaxBytes));
  Result<Value> parsed = value_from_json(text);
  if (!parsed) throw Error(parsed.error());
  const auto* map = parsed->get_if<Map>();
  if (!map) throw Error("not a JSON object");

  const Value* version_value = find(*map, "v");
  const auto* version = version_value ? version_value->get_if<std::int64_t>() : nullptr;
  if (!version || *version < 1) throw Error("no version `v`");
  if (*version > kVersion)
    throw Error(
        fmt::format("made by a newer mgmt (version {} of exported resources, this one knows {})", *version, kVersion))
        .hint("use the same version of mgmt on all hosts");

  const std::string& kind_name = text_at(*map, "kind");
  const Kind* kind = find_by(kind_name);
  if (!kind) throw Error(fmt::format("unknown kind `{}`", printable(kind_name)));
  Declaration declaration;
  declaration.kind = kind;
  declaration.name = text_at(*map, "name");
  declaration.params = bind(kind->params, map_at(*map, "params"), *version, fmt::format("parameter of {}", kind->name));
  if (const Map& meta = map_at(*map, "meta"); !meta.empty())
    declaration.meta = make_meta(bind(meta_params(), meta, *version, "meta parameter"));
  // Where it goes is the exporting host's business: it isn't written, and nobody has a resource sent on by others.
  if (declaration.meta->hidden || !declaration.meta->exports.empty())
    throw Error("`hidden` and `export` are not for others");
  declaration.params.shrink_to_fit();
  return declaration;
}

}  // namespace

Result<std::string> encode(const Declaration& declaration) {
  std::span<const Param> table = declaration.kind->params;
  std::int64_t version = 1;
  Map params;
  for (const Params::Item& item : declaration.params.items()) {
    const Param& param = table[item.index];
    if (is_secret(declaration, item))
      return std::unexpected(Error(fmt::format("{} can't be exported: `{}` is a secret", declaration.id(), param.name))
                                 .hint("what is exported can be read by all hosts"));
    if (has_binary_key(item.value))
      return std::unexpected(
          Error(fmt::format("{} can't be exported: a key of `{}` is no UTF-8", declaration.id(), param.name)));
    version = std::max<std::int64_t>(version, param.since);
    params.emplace_back(param.name, item.value);
  }
  Map map;
  map.emplace_back("v", Value(version));
  map.emplace_back("kind", Value(std::string(declaration.kind->name)));
  map.emplace_back("name", Value(declaration.name));
  map.emplace_back("params", Value(std::move(params)));
  if (Map meta = meta_map(*declaration.meta); !meta.empty()) map.emplace_back("meta", Value(std::move(meta)));
  return to_json(Value(std::move(map)));
}

Result<Declaration> decode(std::string_view text, std::string origin, FindKind find) try {
  Declaration declaration = declaration_of(text, find);
  declaration.origin = std::move(origin);
  return declaration;
} catch (Error& error) {
  return std::unexpected(std::move(error).while_doing(fmt::format("reading what {} exports", printable(origin))));
}

Result<Declaration> decode(const world::ExportId& id, std::string_view text, FindKind find) {
  Result<Declaration> declaration = decode(text, id.writer, find);
  if (!declaration || (declaration->kind->name == id.kind && declaration->name == id.name)) return declaration;
  return std::unexpected(
      Error(fmt::format("reading what {} exports: {} stands where {}[{}] should", printable(id.writer),
                        printable(declaration->id()), printable(id.kind), printable(id.name))));
}

}  // namespace mgmt::wire
