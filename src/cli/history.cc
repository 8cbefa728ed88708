// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/history.h"

#include <fmt/format.h>

#include <cstdio>
#include <ranges>
#include <vector>

#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"
#include "src/state/database.h"
#include "src/views/entry.h"

namespace mgmt::cli {

int show_history(const HistoryCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  // A running agent brings the file up to date with what has happened by now.
  try {
    ask_agent(place.socket(), Value(Map{{"ask", Value("history")}, {"limit", Value(std::int64_t{0})}}));
  } catch (const Error& error) {
    fmt::print(stderr, "mgmt: what happened last may be missing: {}\n", error.text());
  }
  std::vector<std::string> lines;
  state::read_database(place.database(), [&](state::Rows& rows) {
    rows.history({.since = command.since, .resource = command.resource, .limit = command.limit},
                 [&](const state::Entry& entry) {
                   lines.push_back(command.json ? views::to_json(entry) + "\n" : views::to_text(entry));
                   return true;
                 });
  });
  for (const std::string& line : lines | std::views::reverse) std::fputs(line.c_str(), stdout);
  if (lines.empty() && !command.json)
    fmt::print(stderr, "nothing is written of what {} did under {}{}\n", place.hostname, place.prefix,
               command.since || !command.resource.empty() ? " and was asked for" : "");
  return kOk;
}

}  // namespace mgmt::cli
