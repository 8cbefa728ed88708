// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: what is not looked at though it should be, and why.
#include <limits>
#include <vector>

#include "src/engine/run/engine.h"

namespace mgmt {

using report::Standing;

std::vector<Standing> Engine::standing() const {
  using State = Schedule::State;
  constexpr VertexId kNone = std::numeric_limits<VertexId>::max();
  std::vector<Standing> found;
  if (schedule_.clean() == schedule_.size()) return found;
  // Of those before a vertex: one that failed, and one that is to be waited for.
  std::vector<VertexId> failed(schedule_.size(), kNone), busy(schedule_.size(), kNone);
  auto id = [&](VertexId v) { return v == kNone ? "" : graph_->vertices[v]->id(); };
  for (VertexId v : graph_->topology.topological_order()) {
    for (VertexId before : graph_->topology.predecessors(v)) {
      State state = schedule_.state(before);
      if (failed[v] == kNone) failed[v] = state == State::Failed ? before : failed[before];
      if (busy[v] != kNone) continue;
      busy[v] = state == State::Running ? before : busy[before];
      if (busy[v] == kNone && state == State::Dirty) busy[v] = before;
    }
    if (schedule_.state(v) != State::Dirty) continue;
    const Instance& instance = *instances_[v];
    const auto* extras = instance.extras_if_any();
    if (failed[v] != kNone) {
      found.push_back({.is = Standing::Is::Blocked, .resource = id(v), .by = id(failed[v])});
    } else if (instance.holds > 0 && extras) {
      std::string why = extras->waiting_for         ? "what its declaration before this one started still runs"
                        : extras->pause.pending()   ? extras->paused_for
                        : extras->limited.pending() ? "`meta: limit` is used up"
                                                    : "";
      found.push_back({.is = Standing::Is::Held, .resource = id(v), .why = std::move(why)});
    } else {
      found.push_back({.is = Standing::Is::Waiting, .resource = id(v), .by = id(busy[v])});
    }
  }
  return found;
}

}  // namespace mgmt
