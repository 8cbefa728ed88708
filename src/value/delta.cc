// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/delta.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace mgmt {

Value content_value(std::string sha256, std::int64_t size) {
  return Value(Map{{"sha256", Value(std::move(sha256))}, {"size", Value(size)}});
}

namespace {

// Content as sizes: a hash tells a person nothing.
std::string side(const Value& value) {
  if (const auto* map = value.get_if<Map>(); map && map->size() == 2 && (*map)[1].first == "size") {
    return counted(static_cast<std::size_t>((*map)[1].second.get<std::int64_t>()), "byte") + " " +
           (*map)[0].second.get<std::string>().substr(0, 8);
  }
  return to_text(value);
}

}  // namespace

std::string to_text(const Change& change) {
  std::string out = change.item.empty() ? "" : printable(change.item) + ": ";
  out += change.param + ": ";
  if (!change.why.empty()) return out + "unknown: " + printable(change.why);
  if (change.secret) return out + "(secret) changes";
  return out + side(change.before) + " → " + (change.known ? side(change.after) : "(known after the run)");
}

}  // namespace mgmt
