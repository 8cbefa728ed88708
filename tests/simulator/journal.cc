// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/simulator/journal.h"

#include <algorithm>
#include <utility>

#include "tests/simulator/machine.h"

namespace mgmt::simulator {

void Journal::add(std::vector<RefreshRow> rows, std::move_only_function<void(Result<void>)> done) {
  std::uint32_t sender = thing_of(rows.front().sender);
  bool exported = rows.front().sender.starts_with("@@");
  for (const RefreshRow& row : rows) {
    log_.line("journal: row {}, {} owes {}", row.id, row.sender, row.receiver);
    auto [at, is_new] =
        rows_.try_emplace(row.id, Row{.row = row, .sender = sender, .receiver = thing_of(row.receiver)});
    if (!is_new && at->second.row.receiver != row.receiver) log_.wrong("the journal was given row {} twice", row.id);
  }
  last_ = std::max(last_, Clock::now() + random_.up_to(loop->delays().journal));
  loop->after(last_ - Clock::now(), [this, sender, exported, rows = std::move(rows), done = std::move(done)]() mutable {
    if (random_.percent(failing)) {
      for (const RefreshRow& row : rows)
        if (auto at = rows_.find(row.id); at != rows_.end() && !at->second.durable) rows_.erase(at);
      log_.line("journal: it fails");
      Machine& machine = loop->machine();
      machine.things[sender].waiting = false;
      machine.leave(sender);
      done(std::unexpected(Error("the disk is full")));
      return machine.left(sender);
    }
    // One that failed for another sender is written for this one.
    for (const RefreshRow& row : rows)
      rows_.try_emplace(row.id, Row{.row = row, .sender = sender, .receiver = thing_of(row.receiver)})
          .first->second.durable = true;
    log_.line("journal: durable up to row {}", rows.back().id);
    if (!exported) loop->machine().on_left(sender, false);  // its time may be over: then it ends with this
    done({});
  });
}

void Journal::clear(std::vector<std::uint64_t> ids) {
  for (std::uint64_t id : ids) {
    log_.line("journal: clear row {}", id);
    if (auto at = rows_.find(id); at != rows_.end()) at->second.cleared = true;
  }
  loop->after(random_.up_to(loop->delays().journal * 4), [this, ids = std::move(ids)] {
    for (std::uint64_t id : ids) rows_.erase(id);
  });
}

std::vector<RefreshRow> Journal::crash() {
  loop = nullptr;
  last_ = {};
  std::vector<RefreshRow> left;
  for (auto at = rows_.begin(); at != rows_.end();) {
    Row& row = at->second;
    if ((!row.durable || row.cleared) && random_.percent(50)) {
      at = rows_.erase(at);
      continue;
    }
    row.durable = true;
    row.cleared = false;
    left.push_back(row.row);
    ++at;
  }
  return left;
}

bool Journal::is_durable(std::uint32_t receiver) const {
  return std::ranges::any_of(rows_, [&](const auto& at) {
    const Row& row = at.second;
    return row.receiver == receiver && row.durable && !row.cleared;
  });
}

bool Journal::is_owed(std::uint32_t receiver) const {
  return std::ranges::any_of(rows_,
                             [&](const auto& at) { return at.second.receiver == receiver && !at.second.cleared; });
}

}  // namespace mgmt::simulator
