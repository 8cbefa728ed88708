// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "src/base/text.h"

namespace mgmt {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
// From the largest: the first that divides is the one to show.
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

std::optional<std::int64_t> unit_of(std::string_view name) {
  for (const Unit& unit : kUnits)
    if (unit.name == name) return unit.milliseconds;
  return std::nullopt;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view bare) {
  auto wrong = [&](std::string_view why) {
    // It may be anything.
    constexpr std::size_t kShown = 40;
    std::string_view rest_mark = text.size() > kShown ? "..." : "";
    return std::unexpected(Error(fmt::format("`{}{}` {}", printable(text.substr(0, kShown)), rest_mark, why))
                               .hint(fmt::format("write 500ms, 5s, 2m or 1h; a number alone is in {}", bare)));
  };
  std::string_view rest = text;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  double sum = 0;
  bool first = true;
  do {
    double number = 0;
    auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    // "inf" and "nan" are numbers to from_chars, and a second sign is none of ours.
    if (failure != std::errc() || !std::isfinite(number) || std::signbit(number)) return wrong("is not a duration");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::string_view name = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(name.size());
    bool alone = first && name.empty() && rest.empty();
    auto unit = unit_of(alone ? bare : name);
    if (!unit) return wrong("is not a duration");
    sum += number * static_cast<double>(*unit);
    first = false;
  } while (!rest.empty());
  // Doubles count whole numbers up to here, which is 285,000 years.
  constexpr double kMost = 9.007e15;
  if (sum > kMost) return wrong("is too long a time");
  double whole = std::round(sum);
  if (std::abs(sum - whole) > 1e-6) return wrong("is not a whole number of milliseconds");
  return std::chrono::milliseconds(static_cast<std::int64_t>(negative ? -whole : whole));
}

std::string duration_text(std::chrono::milliseconds duration) {
  std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (const Unit& unit : kUnits)
    // A day is seldom what somebody has written: 24h and 1440m are.
    if (unit.name != "d" && count % unit.milliseconds == 0)
      return fmt::format("{}{}", count / unit.milliseconds, unit.name);
  return {};
}

}  // namespace mgmt
