// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/readings.h"

#include <array>
#include <functional>
#include <span>

#include "src/resources/kind.h"

namespace mgmt {
namespace {

// What tells the rules apart: nothing, a word, several, paths of files and of a folder.
constexpr std::array<std::string_view, 6> kTexts = {"", "x", "x y", "/x", "/x/", "/y"};
constexpr std::array<std::string_view, 4> kNames = {"x", "/x", "/x/", "/y"};

std::vector<Value> values_of(const Param& param) {
  std::vector<Value> values;
  switch (param.type.base) {
    case Type::Base::Str:
      if (param.values.size() > 0)
        for (std::string_view word : param.values.span()) values.emplace_back(std::string(word));
      else
        for (std::string_view text : kTexts) values.emplace_back(std::string(text));
      break;
    case Type::Base::Duration: values = {Value("0s"), Value("1s")}; break;
    case Type::Base::Bool: values = {Value(false), Value(true)}; break;
    case Type::Base::Int:
      for (std::int64_t number : {std::int64_t{0}, param.min.value_or(-1), param.max.value_or(1)})
        values.emplace_back(number);
      break;
    case Type::Base::Float: values = {Value(0.0), Value(1.0)}; break;
    case Type::Base::List:
      values.emplace_back(List{});
      if (param.type.element->base == Type::Base::Str)
        for (const char* item : {"x", "/x"}) values.emplace_back(List{Value(std::string(item))});
      break;
    case Type::Base::Map:
      values.emplace_back(Map{});
      if (param.type.element->base == Type::Base::Str) values.emplace_back(Map{{"x", Value(std::string("x"))}});
      break;
  }
  return values;
}

using Judge = std::function<void(const Declaration&)>;

void each_value(Declaration& declaration, std::span<const ParamIndex> unread, const Judge& judge) {
  if (unread.empty()) return judge(declaration);
  ParamIndex index = unread.front();
  const Param& param = declaration.kind->params[index];
  declaration.params.reset(index);
  // What stands there may also be what is to be taken out.
  if (!param.required) each_value(declaration, unread.subspan(1), judge);
  for (Value& value : values_of(param)) {
    Result<Value> checked = check_value(param, std::move(value));
    if (!checked) continue;
    declaration.params.set(index, std::move(*checked), declaration.pos);
    each_value(declaration, unread.subspan(1), judge);
  }
}

void each_reading(const Declaration& declaration, const Unread& unread, const Judge& judge) {
  if (!unread.any()) return judge(declaration);
  // Where so much couldn't be read, there is little to judge, and a file may have many of them.
  constexpr std::size_t kMost = 200;
  std::size_t count = unread.name ? kNames.size() : 1;
  for (ParamIndex index : unread.params) {
    count *= values_of(declaration.kind->params[index]).size() + 1;
    if (count > kMost) return;
  }
  Declaration reading = declaration;
  if (!unread.name) return each_value(reading, unread.params, judge);
  for (std::string_view name : kNames) {
    reading.name = name;
    each_value(reading, unread.params, judge);
  }
}

bool same(const Diagnostic& a, const Diagnostic& b) {
  return a.level == b.level && a.pos.line == b.pos.line && a.pos.column == b.pos.column && a.text == b.text;
}

}  // namespace

void validate_readings(const Declaration& declaration, const Unread& unread, Diagnostics& diagnostics) {
  std::optional<std::vector<Diagnostic>> certain;
  each_reading(declaration, unread, [&](const Declaration& reading) {
    if (certain && certain->empty()) return;
    Diagnostics found;
    declaration.kind->validate(reading, found);
    if (!certain) certain = found.items();
    else
      std::erase_if(*certain, [&](const Diagnostic& one) {
        return std::ranges::none_of(found.items(), [&](const Diagnostic& other) { return same(one, other); });
      });
  });
  if (certain)
    for (Diagnostic& one : *certain) diagnostics.add(std::move(one));
}

std::optional<std::string> managed_path_of_readings(const Declaration& declaration, const Unread& unread) {
  std::optional<std::optional<std::string>> path;
  each_reading(declaration, unread, [&](const Declaration& reading) {
    std::optional<std::string> here = declaration.kind->managed_path(reading);
    if (!path) path = std::move(here);
    else if (*path != here) *path = std::nullopt;
  });
  return path.value_or(std::nullopt);
}

}  // namespace mgmt
