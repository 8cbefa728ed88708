// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/entry.h"

#include <fmt/format.h>

#include <ctime>

#include "src/base/text.h"
#include "src/value/json.h"
#include "src/views/prose.h"

namespace mgmt::views {

using state::Entry;

namespace {

std::string_view word_of(Entry::What what) {
  switch (what) {
    case Entry::What::Change: return "change";
    case Entry::What::Refresh: return "refresh";
    case Entry::What::Failure: return "failure";
    case Entry::What::Removal: return "removal";
    case Entry::What::Lost: return "lost";
    case Entry::What::Approval: return "approval";
  }
  return "";
}

std::string_view verb_of(const Entry& entry) {
  switch (entry.what) {
    case Entry::What::Change: return entry.intent == Entry::Intent::Corrective ? "repaired" : "changed";
    case Entry::What::Refresh: return "refreshed";
    case Entry::What::Failure: return "failed";
    case Entry::What::Removal: return "removed";
    case Entry::What::Lost: return "lost";
    case Entry::What::Approval: return "approved";
  }
  return "";
}

std::string details(const Entry& entry, std::string_view indent) {
  std::string out;
  for (const std::string& id : entry.before) out += (out.empty() ? "" : ", ") + printable(id);
  if (!out.empty()) out = fmt::format("{}had to come after {}\n", indent, out);
  auto text = [](std::chrono::microseconds span) { return duration_text(std::chrono::duration<double>(span).count()); };
  if (entry.check.count() < 0) return out;
  fmt::format_to(std::back_inserter(out), "{}check {}", indent, text(entry.check));
  if (entry.apply.count() >= 0) fmt::format_to(std::back_inserter(out), ", apply {}", text(entry.apply));
  return out + "\n";
}

}  // namespace

std::string time_text(state::Time time) {
  auto second = std::chrono::floor<std::chrono::seconds>(time);
  std::time_t count = std::chrono::system_clock::to_time_t(second);
  std::tm local{};
  localtime_r(&count, &local);
  long offset = local.tm_gmtoff / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, (time - second).count() / 1000,
                     offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
}

std::string to_json(const Entry& entry) {
  auto micros = entry.time.time_since_epoch().count();
  std::string out =
      fmt::format(R"({{"time": {}.{:06}, "what": "{}")", micros / 1000000, micros % 1000000, word_of(entry.what));
  auto raw = [&](std::string_view key, std::string_view json) {
    fmt::format_to(std::back_inserter(out), R"(, "{}": {})", key, json);
  };
  auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) raw(key, json_quote(value));
  };
  text("resource", entry.resource);
  if (entry.intent != Entry::Intent::None)
    raw("intent", entry.intent == Entry::Intent::Corrective ? R"("corrective")" : R"("intended")");
  text("cause", entry.cause);
  text("from", entry.from);
  text("event", entry.event);
  if (entry.what != Entry::What::Lost)
    raw("seconds", fmt::format("{:.6f}", std::chrono::duration<double>(entry.duration).count()));
  auto span = [&](std::string_view key, std::chrono::microseconds time) {
    if (time.count() >= 0) raw(key, fmt::format("{:.6f}", std::chrono::duration<double>(time).count()));
  };
  span("check", entry.check);
  span("apply", entry.apply);
  std::string before;
  for (const std::string& id : entry.before) before += (before.empty() ? "" : ", ") + json_quote(id);
  if (!before.empty()) raw("before", "[" + before + "]");
  constexpr std::string_view kHead = R"({"changes":)";
  if (entry.delta.starts_with(kHead))
    raw("changes", std::string_view(entry.delta).substr(kHead.size(), entry.delta.size() - kHead.size() - 1));
  if (!entry.diff.empty()) raw("diffs", entry.diff);
  text("error", entry.error);
  text("hint", entry.hint);
  text("by", entry.by);
  if (entry.times != 1) raw("times", fmt::format_int(entry.times).c_str());
  return out + "}";
}

std::string cause_text(const std::string& cause, const std::string& from, const std::string& event) {
  std::string by = from.empty() ? "" : " by " + printable(from);
  if (cause == "first") return "the first look";
  if (cause == "event") return event.empty() ? "an event" : printable(event);
  if (cause == "poll") return "a poll";
  if (cause == "retry") return "a retry";
  if (cause == "refresh") return "a refresh" + by;
  if (cause == "received") return "a value that came" + (from.empty() ? by : " from " + printable(from));
  if (cause == "declared") return "a new declaration";
  if (cause == "recheck") return "a look without an event";
  if (cause == "resumed") return "the end of a pause";
  return printable(cause) + by;
}

std::string to_text(const Entry& entry, Detail detail) {
  constexpr std::string_view kIndent = "    ";
  std::string out = time_text(entry.time) + " ";
  if (entry.what == Entry::What::Lost)
    return out + fmt::format("({} not written: the disk was too slow or full)\n",
                             counted(static_cast<std::size_t>(entry.times), "entry"));
  fmt::format_to(std::back_inserter(out), "{} {}", verb_of(entry), printable(entry.resource));
  if (entry.duration.count() > 0)
    fmt::format_to(std::back_inserter(out), " ({})",
                   duration_text(std::chrono::duration<double>(entry.duration).count()));
  if (entry.times > 1) fmt::format_to(std::back_inserter(out), ", {} more times", entry.times);
  if (!entry.cause.empty() && entry.cause != "first")
    out += ", after " + cause_text(entry.cause, entry.from, entry.event);
  if (!entry.by.empty()) out += (entry.what == Entry::What::Approval ? " by " : ", changed by ") + printable(entry.by);
  else if (detail == Detail::Yes && entry.intent == Entry::Intent::Corrective) out += ", changed by somebody unknown";
  if (!entry.delta.empty()) {
    if (Result<Delta> delta = delta_from_json(entry.delta)) {
      std::string_view between = ": ";
      for (const Change& change : delta->changes) {
        out += between;
        out += change_text(change);
        between = ", ";
      }
    }
  }
  auto lines = split_lines(entry.error);
  for (std::size_t i = 0; i < lines.size(); ++i) out += (i == 0 ? ": " : "\n    ") + printable(lines[i]);
  out += "\n";
  for (std::string_view line : split_lines(entry.hint)) out += fmt::format("{}hint: {}\n", kIndent, printable(line));
  if (detail == Detail::Yes) out += details(entry, kIndent);
  if (entry.diff.empty()) return out;
  Result<Value> diffs = value_from_json(entry.diff);
  const List* list = diffs ? diffs->get_if<List>() : nullptr;
  for (const Value& one : list ? *list : List{}) {
    const Map* map = one.get_if<Map>();
    for (const auto& [key, value] : map ? *map : Map{}) {
      const auto* diff = value.get_if<std::string>();
      if (key != "diff" || !diff) continue;
      for (std::string_view line : split_lines(*diff)) out += fmt::format("{}{}\n", kIndent, printable(line));
    }
  }
  return out;
}

}  // namespace mgmt::views
