// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"
#include "src/state/database.h"
#include "src/value/json.h"
#include "src/views/entry.h"

namespace mgmt::cli {

namespace {

using state::Entry;

/// What led to what is rarely longer; a circle of refreshes would be.
constexpr std::size_t kLongestChain = 20;
constexpr std::size_t kMostFollowers = 100;

struct Story {
  /// The first cause first, the resource's own last action last.
  std::vector<Entry> chain;
  /// What it refreshed or sent to since.
  std::vector<Entry> followers;
};

std::optional<Entry> last_of(state::Rows& rows, const std::string& resource, std::int64_t before) {
  std::optional<Entry> found;
  rows.history({.resource = resource, .before = before, .limit = 1}, [&](const Entry& entry) {
    found = entry;
    return false;
  });
  return found;
}

Story story_of(state::Rows& rows, const std::string& resource) {
  Story story;
  std::string of = resource;
  std::int64_t before = INT64_MAX;
  while (!of.empty() && story.chain.size() < kLongestChain) {
    auto entry = last_of(rows, of, before);
    if (!entry) break;
    of = entry->from;
    before = entry->id;
    story.chain.push_back(std::move(*entry));
  }
  std::ranges::reverse(story.chain);
  if (story.chain.empty()) return story;
  rows.history({.from = resource, .after = story.chain.back().id, .limit = kMostFollowers}, [&](const Entry& entry) {
    story.followers.push_back(entry);
    return true;
  });
  std::ranges::reverse(story.followers);
  return story;
}

std::string list_of(const std::vector<Entry>& entries) {
  std::string out = "[";
  for (const Entry& entry : entries) out += (out.size() > 1 ? ", " : "") + views::to_json(entry);
  return out + "]";
}

std::string names(const Value& now, std::string_view key) {
  std::string out;
  const Value* list = member(now, key);
  for (const Value& one : list && list->get_if<List>() ? list->get<List>() : List{})
    if (const auto* id = one.get_if<std::string>()) out += (out.empty() ? "" : ", ") + printable(*id);
  return out;
}

void tell_now(const Value& now) {
  std::string state = text_of(now, "now");
  std::string resource = printable(text_of(now, "resource"));
  if (state == "running")
    fmt::print("{} is running now, after {}\n", resource,
               views::cause_text(text_of(now, "cause"), text_of(now, "from"), text_of(now, "event")));
  else if (state == "undeclared") fmt::print("{} isn't in the running graph\n", resource);
  else if (state == "blocked")
    fmt::print("{} is blocked by {}, which failed\n", resource, printable(text_of(now, "by")));
  else if (state == "held") fmt::print("{} is left alone for a while: {}\n", resource, printable(text_of(now, "why")));
  else if (state == "waiting")
    fmt::print("{} is to be looked at, and waits{}\n", resource,
               text_of(now, "by").empty() ? "" : " for " + printable(text_of(now, "by")));
  else if (state == "failed") fmt::print("{} fails: {}\n", resource, printable(text_of(now, "error")));
  else fmt::print("{} is watched, and nothing is to be done\n", resource);
  if (std::string before = names(now, "before"); !before.empty()) fmt::print("    comes after {}\n", before);
  if (std::string after = names(now, "after"); !after.empty()) fmt::print("    {} after it\n", after);
}

}  // namespace

int show_why(const WhyCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  // It also brings the file up to date with what has happened by now.
  std::optional<Answer> now =
      ask_agent(place.socket(), Value(Map{{"ask", Value("why")}, {"resource", Value(command.resource)}}));
  Story story;
  state::read_database(place.database(), [&](state::Rows& rows) { story = story_of(rows, command.resource); });
  bool declared = now && text_of(now->value, "now") != "undeclared";
  if (!declared && story.chain.empty())
    throw Error(fmt::format("nothing is known of {}", printable(command.resource)))
        .hint("resources are named as in the report: mgmt why 'file[motd]'");
  if (command.json) {
    fmt::print("{{\"now\": {}, \"chain\": {}, \"then\": {}}}\n", now ? now->json : "null", list_of(story.chain),
               list_of(story.followers));
    return kOk;
  }
  if (now) tell_now(now->value);
  if (story.chain.empty()) fmt::print("nothing was done to it, as far back as the history goes\n");
  for (const Entry& entry : story.chain) std::fputs(views::to_text(entry, views::Detail::Yes).c_str(), stdout);
  if (!story.followers.empty()) fmt::print("which led to:\n");
  for (const Entry& entry : story.followers) std::fputs(views::to_text(entry).c_str(), stdout);
  return kOk;
}

}  // namespace mgmt::cli
