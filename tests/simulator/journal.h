// SPDX-License-Identifier: GPL-3.0-or-later
// Journal: the refresh journal on a simulated disk. What is asked for gets there some time later, in order, or fails;
// of what is on its way when the process dies, some got there.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "src/state/refresh_journal.h"
#include "tests/simulator/log.h"
#include "tests/simulator/random.h"
#include "tests/simulator/virtual_loop.h"

namespace mgmt::simulator {

class Journal : public RefreshJournal {
 public:
  Journal(Random& random, Log& log) : random_(random), log_(log) {}

  void add(std::vector<RefreshRow> rows, std::move_only_function<void(Result<void>)> done) override;
  void clear(std::vector<std::uint64_t> ids) override;

  /// The process has died; what the next one finds.
  std::vector<RefreshRow> crash();

  /// That it is owed a refresh is on the disk, and not asked to go.
  bool is_durable(std::uint32_t receiver) const;
  /// Asked for, and not to go.
  bool is_owed(std::uint32_t receiver) const;
  /// The ids of such rows, of senders for whom `counts`.
  template <class Counts>
  std::vector<std::uint64_t> due(std::uint32_t receiver, Counts counts) const {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, row] : rows_)
      if (row.receiver == receiver && !row.cleared && counts(row.sender)) ids.push_back(id);
    return ids;
  }
  bool is_due(std::uint64_t id) const {
    auto at = rows_.find(id);
    return at != rows_.end() && !at->second.cleared;
  }

  /// Of the process that runs.
  VirtualLoop* loop = nullptr;
  std::uint32_t failing = 0;  // percent

 private:
  struct Row {
    RefreshRow row;
    std::uint32_t sender, receiver;
    bool durable = false;
    bool cleared = false;
  };
  std::map<std::uint64_t, Row> rows_;
  TimePoint last_{};  // when the latest add gets to the disk
  Random& random_;
  Log& log_;
};

}  // namespace mgmt::simulator
