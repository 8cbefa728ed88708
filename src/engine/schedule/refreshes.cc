// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/refreshes.h"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace mgmt {

void Refreshes::restore(std::vector<RefreshRow> rows) {
  for (RefreshRow& row : rows) {
    last_id_ = std::max(last_id_, row.id);
    Receiver& receiver = owed_[row.receiver];
    receiver.durable[row.id] = 1;
    receiver.by_sender.emplace(std::move(row.sender), Owed{row.id, State::Due, row.id});
  }
}

Refreshes::Owing Refreshes::owe(const std::string& sender, std::span<const std::string> receivers) {
  Owing owing;
  for (const std::string& name : receivers) {
    Receiver& receiver = owed_[name];
    auto [begin, end] = receiver.by_sender.equal_range(sender);
    auto there = std::find_if(begin, end, [](const auto& one) { return one.second.state != State::Given; });
    if (there != end) {
      there->second.state = State::Coming;
      continue;
    }
    Owed owed{.id = ++last_id_, .state = State::Coming, .holder = last_id_};
    owing.added.push_back({owed.id, sender, name});
    Holders& holders = receiver.durable.empty() ? receiver.on_the_way : receiver.durable;
    if (!holders.empty()) owed.holder = holders.begin()->first;
    ++holders[owed.holder];
    if (receiver.durable.empty()) owing.to_write.push_back({owed.holder, sender, name});
    receiver.by_sender.emplace(sender, owed);
  }
  return owing;
}

std::vector<std::uint64_t> Refreshes::written(std::span<const RefreshRow> rows) {
  std::vector<std::uint64_t> over;
  for (const RefreshRow& row : rows) {
    auto receiver = owed_.find(row.receiver);
    if (receiver != owed_.end() && receiver->second.durable.contains(row.id)) continue;
    Holders::node_type holder;
    if (receiver != owed_.end()) holder = receiver->second.on_the_way.extract(row.id);
    if (holder) receiver->second.durable.insert(std::move(holder));
    else over.push_back(row.id);
  }
  return over;
}

Refreshes::BySender::iterator Refreshes::take(Receiver& from, BySender::iterator owed,
                                              std::vector<std::uint64_t>& rows) {
  std::uint64_t id = owed->second.holder;
  bool durable = from.durable.contains(id);
  Holders& holders = durable ? from.durable : from.on_the_way;
  auto holder = holders.find(id);
  if (--holder->second == 0) {
    if (durable) rows.push_back(id);
    holders.erase(holder);
  }
  return from.by_sender.erase(owed);
}

std::vector<std::uint64_t> Refreshes::forget(std::span<const RefreshRow> added) {
  std::vector<std::uint64_t> rows;
  for (const RefreshRow& row : added) {
    auto receiver = owed_.find(row.receiver);
    if (receiver == owed_.end()) continue;
    auto [begin, end] = receiver->second.by_sender.equal_range(row.sender);
    auto owed = std::find_if(begin, end, [&](const auto& one) { return one.second.id == row.id; });
    if (owed != end) take(receiver->second, owed, rows);
    if (receiver->second.by_sender.empty()) owed_.erase(receiver);
  }
  return rows;
}

Refreshes::Dropped Refreshes::drop_unless(const std::function<bool(const std::string&)>& keep) {
  Dropped dropped;
  for (auto at = owed_.begin(); at != owed_.end();) {
    auto& [name, receiver] = *at;
    bool goes = !keep(name);
    for (auto owed = receiver.by_sender.begin(); goes && owed != receiver.by_sender.end();) {
      if (owed->second.state == State::Coming) {
        ++owed;
        continue;
      }
      dropped.owed.push_back({owed->second.id, owed->first, name});
      owed = take(receiver, owed, dropped.rows);
    }
    at = receiver.by_sender.empty() ? owed_.erase(at) : std::next(at);
  }
  std::ranges::sort(dropped.owed, {}, &RefreshRow::id);
  return dropped;
}

bool Refreshes::ended(const std::string& sender, std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return false;
  bool any = false;
  auto [begin, end] = at->second.by_sender.equal_range(sender);
  for (auto owed = begin; owed != end; ++owed) {
    if (owed->second.state != State::Coming) continue;
    owed->second.state = State::Due;
    any = true;
  }
  return any;
}

const std::string* Refreshes::sender_to(std::string_view receiver) const {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return nullptr;
  const std::string* first = nullptr;
  std::uint64_t id = UINT64_MAX;
  for (const auto& [sender, owed] : at->second.by_sender) {
    if (owed.state != State::Due || owed.id >= id) continue;
    first = &sender;
    id = owed.id;
  }
  return first;
}

void Refreshes::begin(std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return;
  for (Owed& owed : at->second.by_sender | std::views::values)
    if (owed.state == State::Due) owed.state = State::Given;
}

std::vector<std::uint64_t> Refreshes::succeeded(std::string_view receiver) {
  std::vector<std::uint64_t> rows;
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return rows;
  auto& owed = at->second.by_sender;
  for (auto one = owed.begin(); one != owed.end();) {
    if (one->second.state != State::Given) ++one;
    else one = take(at->second, one, rows);
  }
  std::ranges::sort(rows);
  if (owed.empty()) owed_.erase(at);
  return rows;
}

void Refreshes::failed(std::string_view receiver) {
  auto at = owed_.find(receiver);
  if (at == owed_.end()) return;
  for (Owed& owed : at->second.by_sender | std::views::values)
    if (owed.state == State::Given) owed.state = State::Due;
}

}  // namespace mgmt
