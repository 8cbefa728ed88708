// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/mask.h"

#include <algorithm>

#include "src/base/text.h"

namespace mgmt {

void Mask::add_one(std::string_view text) {
  if (text.size() < kShortest) return;
  auto at = std::ranges::lower_bound(texts_, text, [](std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  if (at == texts_.end() || *at != text) texts_.emplace(at, text);
}

void Mask::add(std::string_view text) {
  add_one(text);
  for (std::string_view line : split_lines(text)) add_one(line);
}

void Mask::add(const Value& value) {
  if (const auto* text = value.get_if<std::string>()) return add(*text);
  if (const auto* list = value.get_if<List>())
    for (const Value& item : *list) add(item);
  if (const auto* map = value.get_if<Map>())
    for (const auto& [key, item] : *map) add(item);
  // A number is as secret as its digits.
  if (value.get_if<std::int64_t>() || value.get_if<double>()) add_one(to_text(value));
}

void Mask::add(const Mask& other) {
  for (const std::string& text : other.texts_) add_one(text);
}

void Mask::hide(std::string& text) const {
  for (const std::string& hidden : texts_) {
    for (std::size_t at = text.find(hidden); at != text.npos; at = text.find(hidden, at + kShown.size()))
      text.replace(at, hidden.size(), kShown);
  }
}

void Mask::hide(Value& value) const {
  if (const auto* text = value.get_if<std::string>()) {
    std::string shown = *text;
    hide(shown);
    value = Value(std::move(shown));
  } else if (const auto* list = value.get_if<List>()) {
    List shown = *list;
    for (Value& item : shown) hide(item);
    value = Value(std::move(shown));
  } else if (const auto* map = value.get_if<Map>()) {
    Map shown = *map;
    for (auto& [key, item] : shown) hide(item);
    value = Value(std::move(shown));
  } else if (value.get_if<std::int64_t>() || value.get_if<double>()) {
    std::string shown = to_text(value);
    hide(shown);
    if (shown != to_text(value)) value = Value(std::move(shown));
  }
}

void Mask::hide(Delta& delta) const {
  for (Change& change : delta.changes) {
    hide(change.item);
    hide(change.before);
    hide(change.after);
    hide(change.why);
    if (!change.text) continue;
    auto text = std::make_shared<TextPair>(*change.text);
    hide(text->before);
    hide(text->after);
    change.text = std::move(text);
  }
}

}  // namespace mgmt
