// SPDX-License-Identifier: GPL-3.0-or-later
// History: the reader that writes what happened into the agent's file: each change, repair, refresh and failure, and
// what is to be known of each resource for the next run. On the loop's thread it only hands over; the rest is done on
// the thread of AgentState. Nothing is written of what was fine already, so a run in which nothing happens opens no
// file.
//
// A failure that comes again and again is written once, and how often it came when it is over. Where the disk is too
// slow, first the deltas are left out, then entries are, and an entry says how many.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "src/report/report.h"
#include "src/state/agent_state.h"
#include "src/views/facts.h"

namespace mgmt::views {

class History : public report::Reader {
 public:
  History(state::AgentState& state, GraphNow graph) : state_(state), graph_(std::move(graph)) {}
  ~History() override;
  void on_event(const report::Event& event) override;

 private:
  struct Failing {
    state::Entry last;
    std::int64_t repeats = 0;
  };

  void on(const report::GraphStarted& graph);
  void on(const report::Started& started);
  void on(state::Time time, const report::Changed& changed);
  void on(const report::Fine& fine);
  void on(state::Time time, const report::Failed& failed);
  void on(const report::Converged& converged);
  report::Cause cause_of(const std::string& resource);
  void ended(const std::string& resource);
  void tell_repeats(Failing& failing);
  void record(state::AgentState::Job job, std::size_t bytes);

  state::AgentState& state_;
  GraphNow graph_;
  /// Of what runs now, for another reason than that it is the first time.
  std::unordered_map<std::string, report::Cause> causes_;
  std::map<std::string, Failing> failing_;
  std::int64_t lost_ = 0;
  /// What was written of in this run. Only jobs use it.
  struct Written;
  std::shared_ptr<Written> written_;
};

/// "first", "event", "poll", "retry", "refresh", "received", "declared", "recheck".
std::string_view word_of(report::Cause::Why why);

/// A delta for the history: its changes as to_json(Delta) has them, and its diffs as JSON; secrets in neither.
std::string diffs_to_json(const Delta& delta);

}  // namespace mgmt::views
