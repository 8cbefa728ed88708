// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/refreshes.h"

#include <algorithm>

namespace mgmt {

void Refreshes::restore(std::vector<RefreshRow> rows) {
  std::ranges::sort(rows, {}, &RefreshRow::id);
  for (RefreshRow& row : rows) {
    last_id_ = std::max(last_id_, row.id);
    owed_[row.receiver].rows.push_back(std::move(row));
  }
}

std::vector<RefreshRow> Refreshes::owe(const std::string& sender, std::span<const std::string> receivers) {
  std::vector<RefreshRow> added;
  for (const std::string& receiver : receivers) {
    Owed& owed = owed_[receiver];
    bool there = std::ranges::any_of(
        owed.rows, [&](const RefreshRow& row) { return row.sender == sender && row.id > owed.running; });
    if (there) continue;
    added.push_back({++last_id_, sender, receiver});
    owed.rows.push_back(added.back());
  }
  return added;
}

void Refreshes::forget(std::span<const RefreshRow> rows) {
  for (const RefreshRow& row : rows) {
    auto at = owed_.find(row.receiver);
    if (at == owed_.end()) continue;
    std::erase_if(at->second.rows, [&](const RefreshRow& one) { return one.id == row.id; });
    if (at->second.rows.empty()) owed_.erase(at);
  }
}

const std::string* Refreshes::sender_to(std::string_view receiver) const {
  auto at = owed_.find(receiver);
  return at == owed_.end() || at->second.rows.empty() ? nullptr : &at->second.rows.front().sender;
}

void Refreshes::begin(std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at != owed_.end() && !at->second.rows.empty()) at->second.running = at->second.rows.back().id;
}

std::vector<std::uint64_t> Refreshes::succeeded(std::string_view receiver) {
  std::vector<std::uint64_t> done;
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return done;
  std::erase_if(at->second.rows, [&](const RefreshRow& row) {
    if (row.id > at->second.running) return false;
    done.push_back(row.id);
    return true;
  });
  at->second.running = 0;
  if (at->second.rows.empty()) owed_.erase(at);
  return done;
}

void Refreshes::failed(std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at != owed_.end()) at->second.running = 0;
}

}  // namespace mgmt
