// SPDX-License-Identifier: GPL-3.0-or-later
// RefreshJournal: refreshes that a crash must not lose. A row is durable before its sender changes anything, and goes
// after its receiver has succeeded; a crash in between repeats a refresh, and never loses one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/base/error.h"

namespace mgmt {

struct RefreshRow {
  /// Unique among the rows that are not cleared; grows with each new row of a run.
  std::uint64_t id = 0;
  /// Declaration::id() of both ends.
  std::string sender, receiver;
};

class RefreshJournal {
 public:
  virtual ~RefreshJournal() = default;
  /// Calls `done` on the loop's thread once all of `rows` are on the disk, or none can be. A row may be given again by
  /// who waits for it, too.
  virtual void add(std::vector<RefreshRow> rows, std::move_only_function<void(Result<void>)> done) = 0;
  /// Some time later; nobody waits for it. Pending ones are carried out at an orderly end.
  virtual void clear(std::vector<std::uint64_t> ids) = 0;
};

}  // namespace mgmt
