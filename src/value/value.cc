// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/value.h"

#include <fmt/format.h>

#include <functional>

#include "src/base/text.h"

namespace mgmt {

std::string type_name(const Type& type) {
  switch (type.base) {
    case Type::Base::Bool: return "bool";
    case Type::Base::Int: return "int";
    case Type::Base::Float: return "float";
    case Type::Base::Str: return "str";
    case Type::Base::Duration: return "duration";
    case Type::Base::List: return "list of " + type_name(*type.element);
    case Type::Base::Map: return "map of str to " + type_name(*type.element);
  }
  return "?";
}

namespace {

struct TextOf {
  std::string operator()(std::monostate) const { return "(none)"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return printable(value); }
  std::string operator()(const List& value) const {
    std::string out = "[";
    for (const Value& item : value) {
      if (out.size() > 1) out += ", ";
      out += to_text(item);
    }
    return out + "]";
  }
  std::string operator()(const Map& value) const {
    std::string out = "{";
    for (const auto& [key, item] : value) {
      if (out.size() > 1) out += ", ";
      out += printable(key) + ": " + to_text(item);
    }
    return out + "}";
  }
};

std::size_t mix(std::size_t seed, std::size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 12) + (seed >> 4));
}

}  // namespace

std::string to_text(const Value& value) { return std::visit(TextOf{}, value.data()); }

std::size_t hash_value(const Value& value, std::size_t seed) {
  seed = mix(seed, value.data().index());
  if (const auto* flag = value.get_if<bool>()) return mix(seed, *flag ? 1 : 0);
  if (const auto* number = value.get_if<std::int64_t>()) return mix(seed, std::hash<std::int64_t>{}(*number));
  if (const auto* real = value.get_if<double>()) return mix(seed, std::hash<double>{}(*real));
  if (const auto* text = value.get_if<std::string>()) return mix(seed, std::hash<std::string>{}(*text));
  if (const auto* list = value.get_if<List>()) {
    for (const Value& item : *list) seed = hash_value(item, seed);
  } else if (const auto* map = value.get_if<Map>()) {
    for (const auto& [key, item] : *map) seed = hash_value(item, mix(seed, std::hash<std::string>{}(key)));
  }
  return seed;
}

}  // namespace mgmt
