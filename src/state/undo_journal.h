// SPDX-License-Identifier: GPL-3.0-or-later
// UndoJournal: what brings back what a resource with `meta: reverse` found, for the day that it leaves the graph, which
// may be while nobody runs. Durable before the resource first changes anything; goes once it was carried out.
#pragma once

#include <functional>
#include <string>

#include "src/base/error.h"

namespace mgmt {

struct Undo {
  /// Declaration::id() of the resource that it undoes.
  std::string id;
  /// The declaration that does it, as wire::encode writes it.
  std::string declaration;
  /// Its values are not to be shown.
  bool secret = false;
};

class UndoJournal {
 public:
  virtual ~UndoJournal() = default;
  virtual bool has(const std::string& id) const = 0;
  /// Calls `done` on the loop's thread once it is on the disk, or can't be. Only where there is none of that id: the
  /// first knows what was there before us.
  virtual void keep(Undo undo, std::move_only_function<void(Result<void>)> done) = 0;
  /// It was carried out.
  virtual void drop(const std::string& id) = 0;
};

}  // namespace mgmt
