// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/refreshes.h"

#include <algorithm>

namespace mgmt {

void Refreshes::restore(std::vector<RefreshRow> rows) {
  std::ranges::sort(rows, {}, &RefreshRow::id);
  for (RefreshRow& row : rows) {
    last_id_ = std::max(last_id_, row.id);
    owed_[row.receiver].push_back({std::move(row), State::Due});
  }
}

std::vector<RefreshRow> Refreshes::owe(const std::string& sender, std::span<const std::string> receivers) {
  std::vector<RefreshRow> added;
  for (const std::string& receiver : receivers) {
    std::vector<Owed>& rows = owed_[receiver];
    auto there = std::ranges::find_if(
        rows, [&](const Owed& owed) { return owed.row.sender == sender && owed.state != State::Given; });
    if (there != rows.end()) {
      there->state = State::Coming;
      continue;
    }
    added.push_back({++last_id_, sender, receiver});
    rows.push_back({added.back(), State::Coming});
  }
  return added;
}

void Refreshes::forget(std::span<const RefreshRow> rows) {
  for (const RefreshRow& row : rows) {
    auto at = owed_.find(row.receiver);
    if (at == owed_.end()) continue;
    std::erase_if(at->second, [&](const Owed& owed) { return owed.row.id == row.id; });
    if (at->second.empty()) owed_.erase(at);
  }
}

bool Refreshes::ended(std::string_view sender, std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return false;
  bool any = false;
  for (Owed& owed : at->second) {
    if (owed.row.sender != sender || owed.state != State::Coming) continue;
    owed.state = State::Due;
    any = true;
  }
  return any;
}

const std::string* Refreshes::sender_to(std::string_view receiver) const {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return nullptr;
  auto due = std::ranges::find(at->second, State::Due, &Owed::state);
  return due == at->second.end() ? nullptr : &due->row.sender;
}

void Refreshes::begin(std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return;
  for (Owed& owed : at->second)
    if (owed.state == State::Due) owed.state = State::Given;
}

std::vector<std::uint64_t> Refreshes::succeeded(std::string_view receiver) {
  std::vector<std::uint64_t> done;
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return done;
  std::erase_if(at->second, [&](const Owed& owed) {
    if (owed.state != State::Given) return false;
    done.push_back(owed.row.id);
    return true;
  });
  if (at->second.empty()) owed_.erase(at);
  return done;
}

void Refreshes::failed(std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return;
  for (Owed& owed : at->second)
    if (owed.state == State::Given) owed.state = State::Due;
}

}  // namespace mgmt
