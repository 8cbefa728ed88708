// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/duration.h"

#include <charconv>
#include <cmath>
#include <system_error>

namespace mgmt::cli {

std::optional<std::chrono::duration<double>> parse_duration(std::string_view text) {
  double number = 0;
  const char* last = text.data() + text.size();
  auto [end, failure] = std::from_chars(text.data(), last, number);
  if (failure != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(last - end));
  if (unit.empty() || unit == "s") return std::chrono::duration<double>(number);
  if (unit == "ms") return std::chrono::duration<double>(number / 1000);
  if (unit == "m") return std::chrono::duration<double>(number * 60);
  if (unit == "h") return std::chrono::duration<double>(number * 3600);
  if (unit == "d") return std::chrono::duration<double>(number * 86400);
  return std::nullopt;
}

}  // namespace mgmt::cli
