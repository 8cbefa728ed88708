// SPDX-License-Identifier: GPL-3.0-or-later
// Agent: a graph that would do too much waits until somebody says yes.
#include <fmt/format.h>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/agent.h"
#include "src/value/json.h"

namespace mgmt::cli {

void Agent::open_gate() {
  std::string how;
  if (socket_) {
    how = "mgmt approve";
    if (!command_.prefix.empty() || command_.tmp_prefix) how += " --prefix " + prefix_;
    if (command_.hostname != hostname_of("")) how += " --hostname " + command_.hostname;
  }
  gate_ = std::make_unique<Gate>(loop_, report_,
                                 Gate::Options{.noop = command_.noop,
                                               .planned = hooks_.planned,
                                               .allow_removals = command_.allow_removals,
                                               // Who wants an end doesn't wait for somebody.
                                               .how = command_.asks_for_convergence() ? "" : std::move(how),
                                               .store_folder = clean_path(prefix_) + "/db"},
                                 [this]() -> const ResourceGraph& { return engine_->graph(); });
  gate_->on_retry = [this] { engine_->retry_failed(); };
  gate_->on_wait = [this](const std::string& why) {
    if (command_.asks_for_convergence()) end(kPlanHasChanges, "nothing was begun: " + why);
  };
}

void Agent::on_yes(const Value& request, const AgentSocket::Reply& reply) {
  Result<Gate::Yes> yes = gate_->say_yes(text_of(request, "plan"));
  if (!yes) return reply(fmt::format(R"({{"error": {}}})", json_quote(yes.error().text())));
  std::string by = text_of(request, "by");
  report_.emit(report::Notice{report::Notice::Level::Info, fmt::format("{} has approved what waited for it",
                                                                       by.empty() ? "somebody" : printable(by))});
  if (state_) {
    Delta what;
    auto say = [&](const char* param, std::uint64_t number) {
      if (number > 0) what.changes.push_back({.param = param, .after = Value(static_cast<std::int64_t>(number))});
    };
    say("removals", yes->removals);
    say("changes", yes->changes);
    for (const std::string& path : yes->protected_paths)
      what.changes.push_back({.param = "protected", .after = Value(path)});
    state::Entry entry{.time = state::now(),
                       .resource = fmt::format("graph[{}]", yes->graph),
                       .what = state::Entry::What::Approval,
                       .delta = to_json(what),
                       .by = by};
    std::size_t bytes = 400 + entry.delta.size();
    state_->later([entry = std::move(entry)](state::Rows& rows) { rows.record(entry); }, bytes);
  }
  reply(fmt::format(R"({{"plan": {}, "graph": {}, "removals": {}, "changes": {}}})", json_quote(yes->plan),
                    json_quote(yes->graph), yes->removals, yes->changes));
}

}  // namespace mgmt::cli
