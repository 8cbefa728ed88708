// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON schemas, for editors that check YAML by one. They describe what the YAML frontend reads, so a text may be
// written as what YAML takes for a number or a bool (`mode: 0644`, `name: no`).
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/reference.h"
#include "src/value/json.h"

namespace mgmt::cli {
namespace {

Value text(std::string_view value) { return Value(std::string(value)); }
Value strings(std::initializer_list<std::string_view> words) {
  List list;
  for (std::string_view word : words) list.push_back(text(word));
  return Value(std::move(list));
}
Value reference_to(std::string_view definition) {
  return Value(Map{{"$ref", text(fmt::format("#/$defs/{}", definition))}});
}

Value text_types() { return strings({"string", "number", "boolean"}); }

// The words of YAML 1.2 and those of 1.1, which an editor of today takes for texts.
Value bool_words() { return Value(List{Value(true), Value(false), text("yes"), text("no"), text("on"), text("off")}); }

constexpr std::string_view kDurationPattern = R"(^[-+]?([0-9.]+|([0-9.]+(ms|s|m|h|d))+)$)";

Map of_type(const Type& type) {
  switch (type.base) {
    case Type::Base::Bool: return {{"enum", bool_words()}};
    case Type::Base::Int: return {{"type", text("integer")}};
    case Type::Base::Float: return {{"type", text("number")}};
    case Type::Base::Str: return {{"type", text_types()}};
    case Type::Base::Duration: return {{"type", strings({"string", "number"})}, {"pattern", text(kDurationPattern)}};
    case Type::Base::List: return {{"type", text("array")}, {"items", Value(of_type(*type.element))}};
    case Type::Base::Map: return {{"type", text("object")}, {"additionalProperties", Value(of_type(*type.element))}};
  }
  return {};
}

Map of_param(const Param& param) {
  Map schema = of_type(param.type);
  if (param.values.size() > 0) {
    List words;
    for (std::string_view word : param.values.span()) words.push_back(text(word));
    schema = {{"enum", Value(std::move(words))}};
  }
  std::string description(param.doc);
  if (param.is_duration()) {
    description += fmt::format(" As in 500ms, 5s, 2m; a number alone is in {}.", param.unit);
  } else {
    if (param.min) schema.emplace_back("minimum", Value(*param.min));
    if (param.max) schema.emplace_back("maximum", Value(*param.max));
  }
  if (!param.default_text.empty()) description += fmt::format(" Default: {}.", param.default_text);
  schema.emplace_back("description", Value(std::move(description)));
  bool plain = param.type.base == Type::Base::Bool || param.type.base == Type::Base::Int;
  if (auto value = plain ? parse_scalar(param.type, param.default_text) : Result<Value>(Value());
      value && !value->is_none())
    schema.emplace_back("default", std::move(*value));
  if (param.secret) schema.emplace_back("writeOnly", Value(true));
  return schema;
}

// A mapping with these keys, and no others.
Map object(Map properties, Value required = Value(List{})) {
  Map schema{
      {"type", text("object")}, {"properties", Value(std::move(properties))}, {"additionalProperties", Value(false)}};
  if (!required.get<List>().empty()) schema.emplace_back("required", std::move(required));
  return schema;
}

Value any_of(std::span<const std::string_view> names) {
  List list;
  for (std::string_view name : names) list.emplace_back(Map{{"required", strings({name})}});
  return Value(Map{{"anyOf", Value(std::move(list))}});
}

void append_params(std::span<const Param> params, Map& properties) {
  for (const Param& param : params) {
    properties.emplace_back(std::string(param.name), Value(of_param(param)));
    for (std::string_view alias : param.aliases.span()) {
      Map schema = of_param(param);
      schema.emplace_back("title", text(fmt::format("Another name of {}", param.name)));
      properties.emplace_back(std::string(alias), Value(std::move(schema)));
    }
  }
}

Map resource(const Kind& kind) {
  Map properties{
      {"name", Value(Map{{"type", text_types()},
                         {"description", text("What edges call it. `@@` at its front exports it to other hosts.")}})}};
  append_params(kind.params, properties);
  for (const ObsoleteParam& key : kind.obsolete)
    properties.emplace_back(std::string(key.name),
                            Value(Map{{"deprecated", Value(true)}, {"description", text(key.note)}}));
  properties.emplace_back("meta", reference_to("meta"));

  List rules;
  for (const Param& param : kind.params) {
    if (!param.required || param.receives) continue;
    std::vector<std::string_view> names{param.name};
    names.insert(names.end(), param.aliases.span().begin(), param.aliases.span().end());
    rules.push_back(any_of(names));
  }
  Map schema = object(std::move(properties), strings({"name"}));
  schema.insert(schema.begin(), {"description", text(kind.summary)});
  if (!rules.empty()) schema.emplace_back("allOf", Value(std::move(rules)));
  return schema;
}

Value meta_definition(const Tables& tables) {
  Map properties;
  append_params(tables.meta, properties);
  Map schema = object(std::move(properties));
  schema.insert(schema.begin(), {"description", text("What the engine does with the resource.")});
  return Value(std::move(schema));
}

// "edges:" with nothing behind it is an empty list.
Value list_or_nothing(Value items) {
  return Value(Map{{"type", strings({"array", "null"})}, {"items", std::move(items)}});
}

Value one_or_several(Value item) {
  Value list(Map{{"type", text("array")}, {"items", item}, {"minItems", Value(std::int64_t{1})}});
  return Value(Map{{"anyOf", Value(List{std::move(item), std::move(list)})}});
}

template <class F>
void each_kind_name(const Tables& tables, F&& on_name) {
  for (const Kind* kind : tables.kinds) {
    on_name(kind->name, *kind);
    for (std::string_view alias : kind->aliases.span()) on_name(alias, *kind);
  }
}

Map head(std::string_view title) {
  return {{"$schema", text("https://json-schema.org/draft/2020-12/schema")},
          {"$comment", text("SPDX-License-Identifier: GPL-3.0-or-later. Generated by `mgmt resources --json`.")},
          {"title", text(title)}};
}

void append(Map& to, Map from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Two spaces a level; what is small stays on its line.
void pretty(const Value& value, std::size_t depth, std::string& out) {
  std::string margin(2 * depth + 2, ' ');
  auto close = [&](char bracket) { out += "\n" + std::string(2 * depth, ' ') + bracket; };
  if (const auto* map = value.get_if<Map>()) {
    if (map->empty()) out += "{}";
    for (std::size_t i = 0; i < map->size(); ++i) {
      out += fmt::format("{}\n{}{}: ", i == 0 ? "{" : ",", margin, json_quote((*map)[i].first));
      pretty((*map)[i].second, depth + 1, out);
    }
    if (!map->empty()) close('}');
    return;
  }
  const auto* list = value.get_if<List>();
  bool nested = list && !list->empty() && list->front().get_if<Map>();
  if (!nested) {
    out += to_json(value);
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    out += fmt::format("{}\n{}", i == 0 ? "[" : ",", margin);
    pretty((*list)[i], depth + 1, out);
  }
  close(']');
}

std::string rendered(Map schema) {
  std::string out;
  pretty(Value(std::move(schema)), 0, out);
  return out + "\n";
}

}  // namespace

std::string resource_schema(const Tables& tables, const Kind& kind) {
  Map schema = head(fmt::format("A resource of kind {}", kind.name));
  append(schema, resource(kind));
  schema.emplace_back("$defs", Value(Map{{"meta", meta_definition(tables)}}));
  return rendered(std::move(schema));
}

std::string graph_schema(const Tables& tables) {
  Map definitions{{"meta", meta_definition(tables)}};
  Map kinds;
  List kind_names;
  for (const Kind* kind : tables.kinds) definitions.emplace_back(std::string(kind->name), Value(resource(*kind)));
  each_kind_name(tables, [&](std::string_view name, const Kind& kind) {
    kinds.emplace_back(std::string(name), list_or_nothing(reference_to(kind.name)));
    kind_names.push_back(text(name));
  });
  definitions.emplace_back("kind", Value(Map{{"enum", Value(std::move(kind_names))}}));
  definitions.emplace_back("kinds", Value(Map{{"type", strings({"object", "null"})},
                                              {"properties", Value(std::move(kinds))},
                                              {"additionalProperties", Value(false)}}));

  constexpr std::string_view kKindOrType[] = {"kind", "type"};
  Map end = object({{"kind", reference_to("kind")},
                    {"type", reference_to("kind")},
                    {"name", one_or_several(Value(Map{{"type", text_types()}}))}},
                   strings({"name"}));
  end.emplace_back("allOf", Value(List{any_of(kKindOrType)}));
  definitions.emplace_back("end", Value(std::move(end)));
  definitions.emplace_back("side", one_or_several(reference_to("end")));
  Map edge = object(
      {{"name", Value(Map{{"type", text_types()}})},
       {"from", reference_to("side")},
       {"to", reference_to("side")},
       {"notify", Value(Map{{"enum", bool_words()},
                            {"description", text("Refresh the receiver when the sender changed something.")}})},
       {"send",
        Value(Map{{"type", strings({"object", "null"})},
                  {"additionalProperties", Value(Map{{"type", text("string")}})},
                  {"description", text("Outputs of the sender: the parameters of the receiver that they go to.")}})}},
      strings({"from", "to"}));
  definitions.emplace_back("edge", Value(std::move(edge)));
  Map collect =
      object({{"kind", reference_to("kind")},
              {"type", reference_to("kind")},
              {"pattern",
               Value(Map{{"type", text("string")}, {"description", text("For files: the folder that they go to.")}})},
              {"allow_exec", Value(Map{{"enum", bool_words()},
                                       {"description", text("Commands of other hosts are taken only with this.")}})}});
  collect.emplace_back("allOf", Value(List{any_of(kKindOrType)}));
  definitions.emplace_back("collect", Value(std::move(collect)));

  auto count = [](std::string_view doc) {
    return Value(Map{{"type", text("integer")}, {"minimum", Value(std::int64_t{0})}, {"description", text(doc)}});
  };
  Map limits = object(
      {{"changes", count("Of resources, and of each entry of a tree.")},
       {"removals", count("Entries of file systems that go; 20 if it isn't set.")},
       {"protect", list_or_nothing(Value(Map{{"type", text("string")}, {"description", text("An absolute path.")}}))}});
  limits.insert(limits.begin(),
                {"description", text("What one swap may do before somebody says yes: `mgmt approve`.")});
  definitions.emplace_back("limits", Value(std::move(limits)));

  Map schema = head("A graph of mgmt");
  append(schema, object({{"graph", Value(Map{{"type", text_types()}, {"description", text("Its name.")}})},
                         {"comment", Value(Map{{"description", text("Not read.")}})},
                         {"resources", reference_to("kinds")},
                         {"types", Value(Map{{"$ref", text("#/$defs/kinds")},
                                             {"deprecated", Value(true)},
                                             {"description", text("The spelling of 2016 of `resources`.")}})},
                         {"edges", list_or_nothing(reference_to("edge"))},
                         {"collect", list_or_nothing(reference_to("collect"))},
                         {"limits", reference_to("limits")}},
                        strings({"graph"})));
  schema.emplace_back("$defs", Value(std::move(definitions)));
  return rendered(std::move(schema));
}

}  // namespace mgmt::cli
