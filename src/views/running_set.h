// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

namespace mgmt::views {

/// Since when what runs does, by a hash of its name: two writes to memory for each run of each resource, and no
/// allocation. (A table with open addressing; an entry that goes draws those behind it up.)
class RunningSet {
 public:
  void insert(std::uint64_t hash, std::int64_t since) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slots_[place_of(hash)];
    if (slot.hash == 0) ++size_;
    slot = {key_of(hash), since};
  }
  void erase(std::uint64_t hash) {
    if (size_ == 0) return;
    std::size_t hole = place_of(hash);
    if (slots_[hole].hash == 0) return;
    --size_;
    for (std::size_t next = after(hole); slots_[next].hash != 0; next = after(next)) {
      std::size_t home = slots_[next].hash & mask();
      // It may move up unless its home lies behind the hole.
      if (((next - home) & mask()) < ((next - hole) & mask())) continue;
      slots_[hole] = slots_[next];
      hole = next;
    }
    slots_[hole] = {};
  }
  /// 0: it isn't running.
  std::int64_t since(std::uint64_t hash) const { return size_ == 0 ? 0 : slots_[place_of(hash)].since; }
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;  // 0: free
    std::int64_t since = 0;
  };
  static std::uint64_t key_of(std::uint64_t hash) { return hash == 0 ? 1 : hash; }
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t after(std::size_t slot) const { return (slot + 1) & mask(); }
  std::size_t place_of(std::uint64_t hash) const {
    std::size_t slot = key_of(hash) & mask();
    while (slots_[slot].hash != 0 && slots_[slot].hash != key_of(hash)) slot = after(slot);
    return slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.hash != 0) slots_[place_of(slot.hash)] = slot;
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace mgmt::views
