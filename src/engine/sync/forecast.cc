// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/sync/forecast.h"

#include <algorithm>

#include "src/base/path.h"
#include "src/engine/sync/sync.h"
#include "src/resources/kind.h"

namespace mgmt {
namespace {

std::uint64_t may_remove(const Declaration& declaration) {
  return declaration.kind->may_remove ? declaration.kind->may_remove(declaration) : 0;
}

bool acts(const Declaration& declaration) { return !declaration.hidden() && !declaration.meta->noop; }

// Whether they may remove more than `allowed` together.
template <class Vertices>
bool may_remove_more(const Vertices& vertices, std::uint64_t allowed) {
  std::uint64_t sum = 0;
  for (const auto& declaration : vertices) {
    if (!acts(*declaration)) continue;
    std::uint64_t at_most = may_remove(*declaration);
    if (at_most > allowed - sum) return true;
    sum += at_most;
  }
  return false;
}

}  // namespace

std::vector<Touched> touched_by(const Declaration& declaration, const Delta& delta) {
  std::vector<Touched> touched;
  auto path = declaration.kind->managed_path ? declaration.kind->managed_path(declaration) : std::nullopt;
  if (!path) return touched;
  const std::string* last = nullptr;
  for (const Change& change : delta.changes) {
    if (!last || *last != change.item) touched.push_back({change.item.empty() ? *path : join_path(*path, change.item)});
    touched.back().removes += change.removes;
    last = &change.item;
  }
  return touched;
}

bool follows_link(const Declaration& declaration) {
  const Param* param = find_param(declaration.kind->params, "follow");
  return param && declaration.params.get_or(static_cast<ParamIndex>(param - declaration.kind->params.data()), false);
}

std::uint64_t changes_of(const Delta& delta) {
  std::uint64_t count = 0;
  const std::string* last = nullptr;
  for (const Change& change : delta.changes) {
    if (change.param == "refresh") continue;
    if (!last || *last != change.item) ++count;
    last = &change.item;
  }
  return count;
}

void Forecast::add(const Declaration& declaration, const Delta& delta) {
  changes += changes_of(delta);
  if (removals_of(delta) == 0) return;
  for (Touched& touched : touched_by(declaration, delta))
    if (touched.removes > 0) removals.push_back({std::move(touched.path), declaration.id(), touched.removes});
}

void Forecast::add_unknown(const Declaration& declaration) {
  ++changes;
  // A folder that has to be empty first, for example.
  if (may_remove(declaration) != 1) return;
  if (auto path = declaration.kind->managed_path(declaration)) removals.push_back({*path, declaration.id(), 1});
}

void Forecast::finish() {
  std::ranges::sort(removals, {}, [](const Removal& removal) { return removal.path + '/'; });
  std::vector<Removal> outer;
  for (Removal& removal : removals)
    if (outer.empty() || outer.back().entries <= 1 || !is_within(removal.path, outer.back().path))
      outer.push_back(std::move(removal));
  removals = std::move(outer);
  removed = 0;
  for (const Removal& removal : removals) removed += removal.entries;
}

std::vector<VertexId> to_be_previewed(const ResourceGraph& before, const ResourceGraph& after, std::uint64_t allowed) {
  const Limits& limits = after.limits;
  bool limited = limits.changes.has_value() || !limits.protect.empty();
  if (!limited && !may_remove_more(after.vertices, allowed)) return {};
  SyncPlan plan = plan_sync(before, after);
  std::vector<VertexId> scope;
  for (VertexId v = 0; v < after.vertices.size(); ++v) {
    const Declaration& declaration = *after.vertices[v];
    const Kind& kind = *declaration.kind;
    if (!acts(declaration) || kind.groups) continue;  // what can be grouped (noop, print) changes no machine
    // What others manage is a part of what such a one wants.
    bool views = kind.views_managed_paths && kind.views_managed_paths(declaration);
    if (plan.matches[v].same && !views) continue;
    if (limits.changes || may_remove(declaration) > 0 || (!limits.protect.empty() && kind.managed_path))
      scope.push_back(v);
  }
  if (limited) return scope;
  std::vector<std::shared_ptr<const Declaration>> those;
  those.reserve(scope.size());
  for (VertexId v : scope) those.push_back(after.vertices[v]);
  if (!may_remove_more(those, allowed)) return {};
  return scope;
}

}  // namespace mgmt
