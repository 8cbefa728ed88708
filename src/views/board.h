// SPDX-License-Identifier: GPL-3.0-or-later
// Board: the reader that keeps what `mgmt status` and `mgmt why` tell of a running agent. On the loop's thread.
//
// What is fine costs nothing: it remembers what runs, what fails, and when a resource was repaired.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/report/report.h"
#include "src/state/rows.h"
#include "src/views/facts.h"
#include "src/views/running_set.h"

namespace mgmt::views {

class Board : public report::Reader {
 public:
  explicit Board(GraphNow graph) : graph_(std::move(graph)) {}
  void on_event(const report::Event& event) override;

  /// {"graph", "generation", "since", "state", "state_since", "resources", "edges", "changed", "repaired", "failures",
  /// "runs", "failed": [...], "running": [...], "fights": [...]}: a JSON object; times in seconds since 1970.
  std::string status() const;
  /// What a resource is doing now: {"resource", "now", "since", "cause", "from", "error", "hint", "before", "after"}.
  /// `now` is "running", "failed", "idle" or, if the graph doesn't have it, "undeclared".
  std::string now_of(const std::string& resource) const;

  /// So many repairs of one resource within kFightPeriod are a fight with somebody.
  static constexpr std::size_t kFight = 5;
  static constexpr std::chrono::hours kFightPeriod{24};
  /// Of a list, the rest is a number.
  static constexpr std::size_t kMostListed = 1000;

 private:
  struct Repairs {
    std::size_t count = 0;
    std::deque<state::Time> last;  // kFight of them
  };
  void close(const std::string& resource);
  void ended(const std::string& resource);
  report::Cause cause_of(const std::string& resource) const;

  GraphNow graph_;
  report::GraphStarted started_;
  state::Time since_;
  std::size_t changed_ = 0, repaired_ = 0;
  std::string state_ = "starting";
  state::Time state_since_;
  RunningSet running_;
  /// Of what runs for another reason than that it is the first time.
  std::unordered_map<std::string, report::Cause> causes_;
  struct Failure {
    state::Time time;
    report::Failed what;
  };
  std::map<std::string, Failure> failed_;
  std::map<std::string, Repairs> repairs_;
};

}  // namespace mgmt::views
