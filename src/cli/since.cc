// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/since.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <optional>

#include "src/base/text.h"

namespace mgmt::cli {

namespace {

std::optional<std::chrono::seconds> unit_of(char letter) {
  switch (letter) {
    case 's': return std::chrono::seconds(1);
    case 'm': return std::chrono::minutes(1);
    case 'h': return std::chrono::hours(1);
    case 'd': return std::chrono::days(1);
    case 'w': return std::chrono::weeks(1);
    default: return std::nullopt;
  }
}

std::optional<state::Time> date_of(std::string text) {
  bool utc = text.ends_with('Z');
  if (utc) text.pop_back();
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm fields{};
    const char* end = ::strptime(text.c_str(), format, &fields);
    if (!end || *end != '\0') continue;
    fields.tm_isdst = -1;
    return state::Time(std::chrono::seconds(utc ? ::timegm(&fields) : std::mktime(&fields)));
  }
  return std::nullopt;
}

}  // namespace

Result<state::Time> parse_since(const std::string& text, state::Time now) {
  if (std::optional<state::Time> date = date_of(text)) return *date;
  std::int64_t count = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  bool one_letter = failure == std::errc() && end + 1 == text.data() + text.size();
  auto unit = one_letter ? unit_of(*end) : std::nullopt;
  // Longer than a thousand years is nothing that anybody remembers.
  constexpr std::int64_t kMost = 1'000LL * 366 * 86'400;
  if (!unit || count < 0 || count > kMost / unit->count())
    return std::unexpected(Error(fmt::format("--since doesn't understand `{}`", printable(text)))
                               .hint("write 90s, 15m, 2h, 3d or 1w, or 2026-11-24, or 2026-11-24T03:50:37"));
  return now - count * *unit;
}

}  // namespace mgmt::cli
