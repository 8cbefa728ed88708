// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/lines.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace mgmt::views {
namespace {

// Of syslog(3).
int priority_of(const report::Body& body) {
  constexpr int kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7;
  if (const auto* notice = std::get_if<report::Notice>(&body)) {
    switch (notice->level) {
      case report::Notice::Level::Debug: return kDebug;
      case report::Notice::Level::Info: return kInfo;
      case report::Notice::Level::Warning: return kWarning;
      case report::Notice::Level::Error: return kError;
    }
  }
  if (std::holds_alternative<report::Failed>(body)) return kError;
  if (std::holds_alternative<report::Settled>(body)) return kWarning;
  if (std::holds_alternative<report::Changed>(body)) return kNotice;
  if (std::holds_alternative<report::Fine>(body)) return kDebug;
  return kInfo;
}

}  // namespace

void Lines::show(const report::Event& event, std::string& out) {
  if (!wants(event.body)) return;
  for (const report::Body& body : noise_.take(event.body)) append(event.time, body, out);
}

void Lines::redraw(Time now, std::string& out) { append_all(noise_.ripe(now), out); }

void Lines::finish(std::string& out) { append_all(noise_.flush(), out); }

void Lines::append_all(const std::vector<report::Body>& bodies, std::string& out) {
  for (const report::Body& body : bodies) append(std::chrono::system_clock::now(), body, out);
}

void Lines::append(std::chrono::system_clock::time_point time, const report::Body& body, std::string& out) {
  if (begins_ == Begins::WithTime) {
    append_time(time, out);
    return prose_.append(body, out);
  }
  // The journal makes an entry of each line.
  std::string text;
  prose_.append(body, text);
  int priority = priority_of(body);
  for (std::string_view line : split_lines(text)) fmt::format_to(std::back_inserter(out), "<{}>{}\n", priority, line);
}

void Lines::show_dropped(std::size_t count, std::string& out) {
  if (begins_ == Begins::WithTime) append_time(std::chrono::system_clock::now(), out);
  else out += "<4>";
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
