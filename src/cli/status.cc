// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/status.h"

#include <fmt/format.h>

#include <cstdio>

#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/pausing.h"
#include "src/cli/place.h"
#include "src/state/database.h"
#include "src/value/json.h"
#include "src/views/entry.h"

namespace mgmt::cli {

namespace {

Answer ask(const Place& place, Map question) {
  auto answer = ask_agent(place.socket(), Value(std::move(question)));
  if (!answer) throw no_agent(place);
  return *answer;
}

std::int64_t number(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  const auto* count = found ? found->get_if<std::int64_t>() : nullptr;
  return count ? *count : 0;
}

std::string time_at(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  const auto* seconds = found ? found->get_if<double>() : nullptr;
  if (!seconds) return "";
  return views::time_text(state::Time(std::chrono::microseconds(static_cast<std::int64_t>(*seconds * 1e6))));
}

const List& list(const Value& value, std::string_view key) {
  static const List none;
  const Value* found = member(value, key);
  const List* items = found ? found->get_if<List>() : nullptr;
  return items ? *items : none;
}

void tell_paused(const Value& status) {
  for (const Value& one : list(status, "paused")) {
    std::string by = text_of(one, "by"), resource = printable(text_of(one, "resource"));
    std::string reason = printable(text_of(one, "reason"));
    if (!reason.empty()) reason.insert(0, ": ");
    if (by == "hold") fmt::print("HELD by {}: nothing is changed until it is removed{}\n", kHoldPath, reason);
    else if (by == "boot")
      fmt::print("HELD by `mgmt.noop` on the kernel's command line: nothing is changed by this run\n");
    else
      fmt::print("PAUSED until {}: {} is not repaired{}\n",
                 views::time_text(state::Time(std::chrono::seconds(number(one, "until")))),
                 resource.empty() ? "what differs" : resource, reason);
  }
}

void tell(const Value& status) {
  fmt::print("graph {}, generation {}, since {}: {}, {}\n", printable(text_of(status, "graph")),
             number(status, "generation"), time_at(status, "since"),
             counted(static_cast<std::size_t>(number(status, "resources")), "resource"),
             counted(static_cast<std::size_t>(number(status, "edges")), "edge"));
  fmt::print("{} since {}: {} changed, {} repaired, {} failed, {} running, {} waiting\n", text_of(status, "state"),
             time_at(status, "state_since"), number(status, "changed"), number(status, "repaired"),
             number(status, "failures"), number(status, "runs"), number(status, "waiting"));
  if (const Value* broken = member(status, "broken"))
    fmt::print("BROKEN since {}: {}: {}: the graph that was good before runs on; `mgmt check` shows all of it\n",
               time_at(*broken, "since"), printable(text_of(*broken, "place")), printable(text_of(*broken, "error")));
  if (const Value* waiting = member(status, "asks"))
    fmt::print("the graph {} waits for `mgmt approve {}`: {}\n", printable(text_of(*waiting, "graph")),
               printable(text_of(*waiting, "plan")), printable(text_of(*waiting, "why")));
  tell_paused(status);
  for (const Value& one : list(status, "running"))
    fmt::print("running {} since {}, after {}\n", printable(text_of(one, "resource")), time_at(one, "since"),
               views::cause_text(text_of(one, "cause"), text_of(one, "from"), text_of(one, "event")));
  for (const Value& one : list(status, "failed")) {
    fmt::print("failed {} at {}: {}\n", printable(text_of(one, "resource")), printable(text_of(one, "place")),
               printable(text_of(one, "error")));
    if (std::string hint = text_of(one, "hint"); !hint.empty()) fmt::print("    hint: {}\n", printable(hint));
  }
  for (const Value& one : list(status, "blocked"))
    fmt::print("blocked {} by {}\n", printable(text_of(one, "resource")), printable(text_of(one, "by")));
  for (const Value& one : list(status, "held"))
    fmt::print("held {}: {}\n", printable(text_of(one, "resource")), printable(text_of(one, "why")));
  for (const Value& one : list(status, "fights"))
    fmt::print("fight {}: {} was changed back {} times, last {}: {} writes it too\n",
               printable(text_of(one, "resource")), printable(text_of(one, "param")), number(one, "repairs"),
               time_at(one, "last"), text_of(one, "by").empty() ? "somebody else" : printable(text_of(one, "by")));
}

int show_orphans(const Place& place, bool json) {
  std::vector<state::Known> orphans;
  state::read_database(place.database(), [&](state::Rows& rows) { orphans = rows.orphans(); });
  for (const state::Known& one : orphans) {
    if (json)
      fmt::print("{{\"resource\": {}, \"kind\": {}, \"path\": {}, \"made\": \"{}\"}}\n", json_quote(one.id),
                 json_quote(one.kind), json_quote(one.path), views::time_text(one.first));
    else fmt::print("{} ({}), known since {}\n", printable(one.id), printable(one.path), views::time_text(one.first));
  }
  if (orphans.empty() && !json) fmt::print("nothing that mgmt made has left its graph\n");
  return kOk;
}

}  // namespace

int show_status(const StatusCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  if (command.orphans) return show_orphans(place, command.json);
  Answer status = ask(place, {{"ask", Value("status")}});
  if (command.json) fmt::print("{}\n", status.json);
  else tell(status.value);
  return kOk;
}

int show_running_graph(const GraphCommand& command) {
  Answer graph =
      ask(place_of(command.prefix, command.hostname), {{"ask", Value("graph")}, {"explain", Value(command.explain)}});
  std::string dot = text_of(graph.value, !command.explain ? "dot" : command.json ? "json" : "text");
  if (command.output.empty() || command.output == "-") std::fputs(dot.c_str(), stdout);
  else replace_file(command.output, dot, 0644);
  return kOk;
}

}  // namespace mgmt::cli
