// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: two resources of one entry, by two paths. Equal paths are told when the graph is read; that a symlink (or a
// bind mount) makes one of two shows only on the machine, and may change there.
#include <fmt/format.h>

#include <utility>

#include "src/base/text.h"
#include "src/engine/run/engine.h"
#include "src/engine/sync/forecast.h"

namespace mgmt {

Instance* Engine::manager_of(const std::string& path) {
  if (by_path_.empty()) {
    for (VertexId v = 0; v < graph_->vertices.size(); ++v) {
      const Declaration& declaration = *graph_->vertices[v];
      if (declaration.hidden() || !declaration.kind->managed_path) continue;
      if (auto managed = declaration.kind->managed_path(declaration)) by_path_.emplace(std::move(*managed), v);
    }
  }
  auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : instances_[found->second].get();
}

// The first in the graph has the entry, and what was collected comes last; a tree has what lies in it. If the instance
// has to leave it to another its run has ended, and this is true.
bool Engine::gives_way(Instance& instance) {
  const Declaration& declaration = *instance.declaration;
  if (!declaration.kind->managed_path || instance.runs == Instance::Runs::Export) return false;
  auto path = declaration.kind->managed_path(declaration);
  if (!path) return false;
  for (const events::FileWatcher::OtherName& name : files_.other_names(*path)) {
    Instance* other = manager_of(name.path);
    if (!other || other == &instance || other->at >= instances_.size()) continue;
    const Declaration& theirs = *other->declaration;
    if ((name.here_leads && !follows_link(declaration)) || (name.there_leads && !follows_link(theirs))) continue;
    if (!name.tree && theirs.kind == declaration.kind && *theirs.meta == *declaration.meta &&
        declaration.kind->same_at_path && declaration.kind->same_at_path(declaration, theirs))
      continue;
    if (!name.tree && other->at > instance.at) {
      // It may have been there before us.
      if (schedule_.state(other->at) == Schedule::State::Clean) mark_dirty(*other, report::Cause::Why::Event);
      continue;
    }
    std::string text = name.tree ? fmt::format("{} lies in {}, by another path, and {} fills that folder",
                                               printable(*path), printable(name.path), printable(theirs.id()))
                                 : fmt::format("{} is {}, by another path, and {} manages that", printable(*path),
                                               printable(name.path), printable(theirs.id()));
    if (!declaration.origin.empty() && theirs.origin.empty()) {
      if (said_to_give_way_.insert(declaration.id()).second)
        report_.emit(report::Notice{report::Notice::Level::Warning,
                                    fmt::format("{} is left alone: {}", printable(declaration.id()), text)});
      finish(instance, {});
      return true;
    }
    fail(instance,
         Error(std::move(text))
             .hint(fmt::format("it is declared at {}: one entry has one resource", graph_->place_of(theirs.pos))),
         0, std::nullopt);
    return true;
  }
  return false;
}

}  // namespace mgmt
