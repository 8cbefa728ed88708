// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/value/json.h"
#include "src/views/history.h"
#include "src/views/prose.h"

namespace mgmt::views {

using State = Plan::Resource::State;

std::size_t Plan::count(State state) const {
  return static_cast<std::size_t>(std::ranges::count(resources, state, &Resource::state));
}

namespace {

std::string_view word(State state) {
  switch (state) {
    case State::Fine: return "fine";
    case State::Change: return "change";
    case State::Unknown: return "unknown";
    case State::Failed: return "failed";
    case State::Blocked: return "blocked";
  }
  return "";
}

std::string_view escape_of(State state) {
  switch (state) {
    case State::Change: return "\x1b[36m";
    case State::Unknown: return "\x1b[33m";
    case State::Failed: return "\x1b[1;31m";
    default: return "\x1b[2m";
  }
}

// Of many, the first: a plan is read by people.
std::string names_of(const std::vector<std::string>& ids) {
  constexpr std::size_t kMost = 5;
  std::vector<std::string> texts;
  for (const std::string& id : ids) {
    if (texts.size() == kMost) break;
    texts.push_back(printable(id));
  }
  std::vector<std::string_view> names(texts.begin(), texts.end());
  if (ids.size() <= kMost) return enumeration(names);
  return fmt::format("{} and {} more", fmt::join(names, ", "), ids.size() - kMost);
}

void append(const Plan::Resource& resource, bool color, std::string& out) {
  auto to = std::back_inserter(out);
  std::string_view on = color ? escape_of(resource.state) : "", dim = color ? "\x1b[2m" : "",
                   off = color ? "\x1b[0m" : "";
  fmt::format_to(to, "{}{}{} {} {}({}){}", on, word(resource.state), off, printable(resource.id), dim,
                 printable(resource.place), off);
  switch (resource.state) {
    case State::Blocked: fmt::format_to(to, ": {} failed\n", printable(resource.blocked_by)); return;
    case State::Failed: {
      auto lines = split_lines(resource.error);
      fmt::format_to(to, ": {}\n", lines.empty() ? "" : printable(lines.front()));
      for (std::size_t i = 1; i < lines.size(); ++i) fmt::format_to(to, "    {}\n", printable(lines[i]));
      for (std::string_view line : split_lines(resource.hint)) fmt::format_to(to, "    hint: {}\n", printable(line));
      return;
    }
    default: out += ":\n";
  }
  std::vector<Change> changes = resource.delta ? resource.delta->changes : std::vector<Change>();
  auto refresh = std::ranges::find(changes, "refresh", &Change::param);
  if (refresh != changes.end()) {
    // What a refresh does is a line like the others; whom it comes from is said behind it.
    std::string what = refresh->known && refresh->after.is_none() ? "refresh" : change_text(*refresh);
    changes.erase(refresh);
    if (resource.refreshed_by.empty()) fmt::format_to(to, "    {}\n", what);
    else fmt::format_to(to, "    {}, because of {}\n", what, names_of(resource.refreshed_by));
  }
  append_changes(changes, color, out);
  if (!resource.changes_before.empty())
    fmt::format_to(to, "    {}as the machine is now: {} may change the answer{}\n", dim,
                   names_of(resource.changes_before), off);
}

std::string list_of(const std::vector<std::string>& ids) {
  std::string out;
  for (const std::string& id : ids) out += (out.empty() ? "" : ", ") + json_quote(id);
  return "[" + out + "]";
}

std::string changes_of(const Delta& delta) {
  std::string json = to_json(delta);
  constexpr std::string_view kHead = R"({"changes":)";
  return json.substr(kHead.size(), json.size() - kHead.size() - 1);
}

void append_json(const Plan::Resource& resource, std::string& out) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, R"({{"resource": {}, "state": "{}", "place": {})", json_quote(resource.id), word(resource.state),
                 json_quote(resource.place));
  if (resource.delta) {
    fmt::format_to(to, R"(, "changes": {})", changes_of(*resource.delta));
    if (std::string diffs = diffs_to_json(*resource.delta); !diffs.empty())
      fmt::format_to(to, R"(, "diffs": {})", diffs);
  }
  auto list = [&](std::string_view key, const std::vector<std::string>& ids) {
    if (!ids.empty()) fmt::format_to(to, R"(, "{}": {})", key, list_of(ids));
  };
  auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) fmt::format_to(to, R"(, "{}": {})", key, json_quote(value));
  };
  list("refreshed_by", resource.refreshed_by);
  list("refreshes", resource.refreshes);
  list("changes_before", resource.changes_before);
  text("error", resource.error);
  text("hint", resource.hint);
  text("blocked_by", resource.blocked_by);
  text("seal", resource.seal);
  out += '}';
}

}  // namespace

std::string to_text(const Plan& plan, bool color) {
  std::string out;
  for (const Plan::Resource& resource : plan.resources)
    if (resource.state != State::Fine) append(resource, color, out);
  std::string counts = counted(plan.resources.size(), "resource");
  if (plan.empty()) return fmt::format("{}: nothing to do\n", counts);
  if (!out.empty()) out += '\n';
  fmt::format_to(std::back_inserter(out), "{}: {} would change", counts, plan.count(State::Change));
  for (State state : {State::Unknown, State::Failed, State::Blocked})
    if (std::size_t count = plan.count(state)) fmt::format_to(std::back_inserter(out), ", {} {}", count, word(state));
  return out + "\n";
}

std::string to_json(const Plan& plan) {
  std::string out = fmt::format("{{\"version\": 1, \"graph\": {}, \"file\": {}, \"confined\": {},\n",
                                json_quote(plan.graph), json_quote(plan.file), plan.confined);
  if (!plan.files.empty()) {
    out += "\"files\": [";
    for (const std::string& file : plan.files) out += (&file == plan.files.data() ? "" : ", ") + json_quote(file);
    out += "],\n";
  }
  if (!plan.key.empty())
    out += fmt::format("\"seal\": {}, \"key\": {},\n", json_quote(plan.graph_seal), json_quote(plan.key));
  out += "\"resources\": [";
  bool first = true;
  for (const Plan::Resource& resource : plan.resources) {
    out += std::exchange(first, false) ? "\n" : ",\n";
    append_json(resource, out);
  }
  out += "],\n\"summary\": {";
  fmt::format_to(std::back_inserter(out), "\"resources\": {}", plan.resources.size());
  for (State state : {State::Fine, State::Change, State::Unknown, State::Failed, State::Blocked})
    fmt::format_to(std::back_inserter(out), ", \"{}\": {}", word(state), plan.count(state));
  return out + "}}\n";
}

}  // namespace mgmt::views
