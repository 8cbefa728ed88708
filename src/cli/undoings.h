// SPDX-License-Identifier: GPL-3.0-or-later
// Undoings: what undoes resources with `meta: reverse`, as the agent remembers it. Lives on the loop's thread.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "src/engine/transform/undo.h"
#include "src/report/report.h"
#include "src/state/agent_state.h"
#include "src/state/undo_journal.h"

namespace mgmt::cli {

class Undoings : public UndoJournal {
 public:
  Undoings(state::AgentState& state, report::Report& report) : state_(state), report_(report) {}

  /// What earlier runs kept. Before the first graph.
  void restore(std::vector<Undo> kept);
  /// The graph that runs next, with those that its file leaves to be carried out; the ones that are superseded go.
  std::shared_ptr<const ResourceGraph> add_to(const std::shared_ptr<const ResourceGraph>& base, bool noop);

  bool has(const std::string& id) const override;
  void keep(Undo undo, std::move_only_function<void(Result<void>)> done) override;
  void drop(const std::string& id) override;

  /// One was carried out: it is to leave the graph that runs.
  std::function<void()> on_dropped;

 private:
  void remember(const Undo& undo);
  void leave(const std::string& id);
  void forget(const std::string& id);

  state::AgentState& state_;
  report::Report& report_;
  std::vector<Undoing> all_;             // in the order in which they were kept
  std::unordered_set<std::string> ids_;  // of them: asked of each run of what may be undone
  std::vector<std::string> told_;
};

}  // namespace mgmt::cli
