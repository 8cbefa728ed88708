// SPDX-License-Identifier: GPL-3.0-or-later
// Board: the reader that keeps what `mgmt status` and `mgmt why` tell of a running agent. On the loop's thread.
//
// What is fine costs nothing: it remembers what runs and what fails. What waits is asked of who knows, and fights
// (fights.h) are the history's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/report/report.h"
#include "src/state/rows.h"
#include "src/views/facts.h"
#include "src/views/fights.h"
#include "src/views/running_set.h"

namespace mgmt::views {

class Board : public report::Reader {
 public:
  /// All that has to be looked at and isn't.
  using StandingNow = std::function<std::vector<report::Standing>()>;
  explicit Board(GraphNow graph, StandingNow standing = nullptr)
      : graph_(std::move(graph)), standing_(std::move(standing)) {}
  void on_event(const report::Event& event) override;

  /// {"graph", "generation", "since", "state", "state_since", "resources", "edges", "changed", "repaired", "failures",
  /// "runs", "waiting", "failed": [...], "running": [...], "blocked": [...], "held": [...], "fights": [...]}: a JSON
  /// object; times in seconds since 1970. `state` is "working" while anything runs, waits or is held.
  /// `paused`: see cli::Pausing::status(); it stands under that key.
  std::string status(const std::vector<Fight>& fights = {}, std::string_view paused = "[]") const;
  /// What a resource is doing now: {"resource", "now", "since", "cause", "from", "error", "hint", "by", "why",
  /// "before", "after"}. `now` is "running", "failed", "blocked" (by: what failed), "waiting" (by: what runs), "held"
  /// (why), "idle" or, if the graph doesn't have it, "undeclared".
  std::string now_of(const std::string& resource) const;

  /// Of a list, the rest is a number.
  static constexpr std::size_t kMostListed = 1000;

 private:
  void close(const std::string& resource);
  void ended(const std::string& resource);
  void works(state::Time time);
  report::Cause cause_of(const std::string& resource) const;

  GraphNow graph_;
  StandingNow standing_;
  report::GraphStarted started_;
  state::Time since_;
  std::size_t changed_ = 0, repaired_ = 0;
  std::string state_ = "starting";
  state::Time state_since_;
  /// When something began to run where nothing did.
  state::Time busy_since_;
  RunningSet running_;
  /// Of what runs for another reason than that it is the first time.
  std::unordered_map<std::string, report::Cause> causes_;
  struct Failure {
    state::Time time;
    report::Failed what;
  };
  std::map<std::string, Failure> failed_;
};

}  // namespace mgmt::views
