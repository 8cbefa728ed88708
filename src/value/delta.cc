// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/delta.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/value/text_diff.h"

namespace mgmt {

bool is_action(const Delta& delta) { return !delta.empty() && std::ranges::all_of(delta.changes, &Change::action); }
std::uint64_t removals_of(const Delta& delta) {
  std::uint64_t sum = 0;
  for (const Change& change : delta.changes) sum += change.removes;
  return sum;
}

Value content_value(std::string sha256, std::int64_t size) {
  return Value(Map{{"sha256", Value(std::move(sha256))}, {"size", Value(size)}});
}

bool is_content(const Value& value) {
  const auto* map = value.get_if<Map>();
  return map && map->size() == 2 && (*map)[0].first == "sha256" && (*map)[1].first == "size";
}

namespace {

// Content as sizes: a hash tells a person nothing.
std::string side(const Value& value) {
  if (is_content(value)) {
    const Map& content = value.get<Map>();
    return counted(static_cast<std::size_t>(content[1].second.get<std::int64_t>()), "byte") + " " +
           content[0].second.get<std::string>().substr(0, 8);
  }
  return to_text(value);
}

}  // namespace

std::string diff_of(const Change& change) {
  if (!change.text || change.secret) return {};
  if (!change.text->instead.empty()) return "(" + change.text->instead + ")\n";
  return unified_diff(change.text->before, change.text->after);
}

std::string to_text(const Change& change) {
  std::string out = change.item.empty() ? "" : printable(change.item) + ": ";
  out += change.param + ": ";
  if (!change.why.empty()) return out + "unknown: " + printable(change.why);
  if (change.secret) return out + "(secret) changes";
  out += side(change.before) + " → " + (change.known ? side(change.after) : "(known after the run)");
  return change.removes > 1 ? out + fmt::format(" ({} entries)", change.removes) : out;
}

}  // namespace mgmt
