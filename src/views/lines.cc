// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/lines.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace mgmt::views {

void Lines::show(const report::Event& event, std::string& out) {
  if (!wants(event.body)) return;
  append_time(event.time, out);
  prose_.append(event.body, out);
}

void Lines::show_dropped(std::size_t count, std::string& out) {
  append_time(std::chrono::system_clock::now(), out);
  out += dropped_text(count) + "\n";
}

void Lines::append_time(std::chrono::system_clock::time_point time, std::string& out) {
  auto millis = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  auto second = static_cast<std::time_t>(millis >= 0 ? millis / 1000 : (millis - 999) / 1000);
  if (second != second_ || clock_.empty()) {
    std::tm local{};
    localtime_r(&second, &local);
    long offset = local.tm_gmtoff / 60;
    clock_ = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                         local.tm_hour, local.tm_min, local.tm_sec);
    zone_ = fmt::format("{}{:02}:{:02} ", offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
    second_ = second;
  }
  fmt::format_to(std::back_inserter(out), "{}.{:03}{}", clock_, millis - static_cast<std::int64_t>(second) * 1000,
                 zone_);
}

std::string dropped_text(std::size_t count) {
  return fmt::format("({} dropped: nobody read them in time)", counted(count, "event"));
}

}  // namespace mgmt::views
