// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/param.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/base/duration.h"
#include "src/base/text.h"
#include "src/value/mask.h"

namespace mgmt {

const Param* find_param(std::span<const Param> table, std::string_view name) {
  for (const Param& param : table)
    if (param.name == name || param.aliases.contains(name)) return &param;
  return nullptr;
}

std::vector<std::string_view> param_names(std::span<const Param> table) {
  std::vector<std::string_view> names;
  for (const Param& param : table) names.push_back(param.name);
  return names;
}

namespace {

Result<Value> check_range(const Param& param, std::int64_t number, Value value) {
  auto shown = [&](std::int64_t bound) {
    return param.is_duration() ? duration_text(std::chrono::milliseconds(bound)) : std::to_string(bound);
  };
  if (param.min && number < *param.min)
    return std::unexpected(
        Error(fmt::format("`{}` must be at least {}, not {}", param.name, shown(*param.min), shown(number))));
  if (param.max && number > *param.max)
    return std::unexpected(
        Error(fmt::format("`{}` must be at most {}, not {}", param.name, shown(*param.max), shown(number))));
  return value;
}

// A number alone may be written as any int.
Result<Value> check_duration(const Param& param, const Value& value) {
  const auto* text = value.get_if<std::string>();
  Result<Value> number = text ? parse_scalar(kInt, *text) : value;
  bool bare = number && number->get_if<std::int64_t>();
  if (!bare && !text) return value;
  auto duration = parse_duration(bare ? std::to_string(number->get<std::int64_t>()) : *text, param.unit);
  if (duration) return check_range(param, duration->count(), Value(duration_text(*duration)));
  return std::unexpected(
      Error(fmt::format("`{}`: {}", param.name, duration.error().text())).hint(duration.error().hint_text()));
}

}  // namespace

Result<Value> check_value(const Param& param, Value value) {
  if (param.is_duration()) return check_duration(param, value);
  if (const auto* number = value.get_if<std::int64_t>()) return check_range(param, *number, value);
  const auto* text = value.get_if<std::string>();
  if (!text) return value;
  if (param.values.size() > 0 && !param.values.contains(*text)) {
    std::string hint = did_you_mean(*text, param.values.span());
    return std::unexpected(Error(fmt::format("`{}` can be {}, not `{}`", param.name,
                                             enumeration(param.values.span(), "or"), printable(*text)))
                               .hint(hint));
  }
  if (param.canonical) {
    Result<std::string> canonical = param.canonical(*text);
    if (!canonical) return std::unexpected(canonical.error());
    return Value(std::move(*canonical));
  }
  return value;
}

namespace {

Result<Value> parse_bool(std::string_view text) {
  // YAML 1.2's words, and 1.1's, which people still write.
  for (std::string_view word : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
    if (text == word) return Value(true);
  for (std::string_view word : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
    if (text == word) return Value(false);
  return std::unexpected(Error(fmt::format("`{}` is not a bool", printable(text))).hint("write true or false"));
}

Result<Value> parse_int(std::string_view text) {
  std::string_view digits = text;
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0o")) {
    base = digits[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  }
  std::uint64_t magnitude = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  constexpr auto kLargest = static_cast<std::uint64_t>(INT64_MAX);
  bool out_of_range = failure == std::errc::result_out_of_range ||
                      (failure == std::errc() && magnitude > kLargest + (negative ? 1 : 0));
  if (out_of_range) return std::unexpected(Error(fmt::format("`{}` is too large for an int", printable(text))));
  if (failure != std::errc() || end != digits.data() + digits.size())
    return std::unexpected(Error(fmt::format("`{}` is not an int", printable(text))).hint("write a whole number"));
  return Value(static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude));
}

Result<Value> parse_float(std::string_view text) {
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == "+.inf") return Value(HUGE_VAL);
  if (text == "-.inf" || text == "-.Inf" || text == "-.INF") return Value(-HUGE_VAL);
  double number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::unexpected(Error(fmt::format("`{}` is not a number", printable(text))));
  return Value(number);
}

}  // namespace

Result<Value> parse_scalar(const Type& type, std::string_view text) {
  switch (type.base) {
    case Type::Base::Str:
    case Type::Base::Duration: return Value(std::string(text));
    case Type::Base::Bool: return parse_bool(text);
    case Type::Base::Int: return parse_int(text);
    case Type::Base::Float: return parse_float(text);
    case Type::Base::List:
    case Type::Base::Map: break;
  }
  return std::unexpected(Error(fmt::format("expected a {}, found `{}`", type_name(type), printable(text))));
}

const Params::Item* Params::find_item(ParamIndex index) const {
  for (const Item& item : items_)
    if (item.index == index) return &item;
  return nullptr;
}

std::optional<std::chrono::milliseconds> Params::find_duration(ParamIndex index) const {
  const auto* text = find<std::string>(index);
  if (!text) return std::nullopt;
  auto duration = parse_duration(*text, {});
  return duration ? std::optional(*duration) : std::nullopt;
}

SourcePos Params::pos_or(ParamIndex index, SourcePos fallback) const {
  const Item* item = find_item(index);
  return item ? item->pos : fallback;
}

SourcePos Params::item_pos(ParamIndex index, std::size_t n, SourcePos fallback) const {
  if (places_)
    for (const auto& [of, places] : *places_)
      if (of == index && n < places.size()) return places[n];
  return pos_or(index, fallback);
}

void Params::place_items(ParamIndex index, std::vector<SourcePos> places) {
  auto all = std::make_shared<Places>(places_ ? *places_ : Places());
  all->emplace_back(index, std::move(places));
  places_ = std::move(all);
}

void Params::set(ParamIndex index, Value value, SourcePos pos) {
  auto at = std::ranges::lower_bound(items_, index, {}, &Item::index);
  if (at != items_.end() && at->index == index) {
    at->value = std::move(value);
    at->pos = pos;
    at->secret = false;
  } else {
    items_.insert(at, Item{std::move(value), pos, index});
  }
}

void Params::taint(ParamIndex index) {
  Mask texts;
  if (const Item* item = find_item(index)) texts.add(item->value);
  taint(index, texts);
}

void Params::taint(ParamIndex index, const Mask& texts) {
  for (Item& item : items_) item.secret |= item.index == index;
  auto all = std::make_shared<Mask>(secrets_ ? *secrets_ : Mask());
  all->add(texts);
  secrets_ = std::move(all);
}

void Params::reset(ParamIndex index) {
  std::erase_if(items_, [&](const Item& item) { return item.index == index; });
}

bool operator==(const Params& a, const Params& b) {
  return std::ranges::equal(a.items_, b.items_, [](const Params::Item& x, const Params::Item& y) {
    return x.index == y.index && x.value == y.value;
  });
}

}  // namespace mgmt
