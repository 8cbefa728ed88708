// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/undoings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/base/text.h"
#include "src/resources/wire.h"

namespace mgmt::cli {

using Level = report::Notice::Level;

void Undoings::restore(std::vector<Undo> kept) {
  for (const Undo& undo : kept) {
    try {
      remember(undo);
    } catch (const Error& error) {
      report_.emit(report::Notice{Level::Warning,
                                  fmt::format("how to undo {} can't be read: {}", printable(undo.id), error.text()),
                                  error.hint_text()});
    }
  }
}

std::shared_ptr<const ResourceGraph> Undoings::add_to(const std::shared_ptr<const ResourceGraph>& base, bool noop) {
  Undone undone = add_undoings(base, all_);
  for (const std::string& id : undone.superseded)
    if (!noop) forget(id);
  for (const auto& declaration : undone.graph->vertices) {
    const std::string& id = declaration->undoes;
    if (id.empty() || std::ranges::find(told_, id) != told_.end()) continue;
    told_.push_back(id);
    report_.emit(report::Notice{Level::Info, fmt::format("{} has left the graph, and is undone", printable(id))});
  }
  return undone.graph;
}

bool Undoings::has(const std::string& id) const { return ids_.contains(id); }

void Undoings::keep(Undo undo, std::move_only_function<void(Result<void>)> done) {
  remember(undo);
  std::string id = undo.id;
  state_.durably([undo = std::move(undo)](state::Rows& rows) { rows.keep(undo); },
                 [this, id = std::move(id), done = std::move(done)](Result<void> kept) mutable {
                   if (!kept) leave(id);
                   done(std::move(kept));
                 });
}

void Undoings::drop(const std::string& id) {
  forget(id);
  if (on_dropped) on_dropped();
}

void Undoings::remember(const Undo& undo) {
  Result<Declaration> decoded = wire::decode(undo.declaration, "");
  if (!decoded) throw Error(decoded.error());
  auto declaration = std::make_shared<Declaration>(std::move(*decoded));
  declaration->undoes = undo.id;
  if (undo.secret)
    for (const Params::Item& item : std::vector(declaration->params.items().begin(), declaration->params.items().end()))
      declaration->params.taint(item.index);
  all_.push_back({undo.id, std::move(declaration)});
  ids_.insert(undo.id);
}

void Undoings::leave(const std::string& id) {
  if (ids_.erase(id) > 0) std::erase_if(all_, [&](const Undoing& one) { return one.id == id; });
}

void Undoings::forget(const std::string& id) {
  leave(id);
  std::erase(told_, id);
  state_.later([id](state::Rows& rows) { rows.drop_undo(id); }, 100 + id.size());
}

}  // namespace mgmt::cli
