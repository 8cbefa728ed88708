// SPDX-License-Identifier: GPL-3.0-or-later
// RepairLimit: two writers of one thing must not melt a machine. Counts the repairs of one resource; above
// the limit it asks for a pause, which doubles up to a minute while the fight goes on. Pure: time comes in.
#pragma once

#include <chrono>
#include <cstdint>

namespace mgmt {

class RepairLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Span = std::chrono::steady_clock::duration;
  /// Where nobody says another.
  static constexpr Span kPeriod = std::chrono::seconds(10);
  static constexpr Span kFirstPause = std::chrono::seconds(1);
  static constexpr Span kLongestPause = std::chrono::minutes(1);

  struct Decision {
    /// How long the resource is to be left alone; 0: not at all.
    Span pause{0};
    /// The first pause of this fight: say so.
    bool warn = false;
  };
  /// Called at each repair. `limit` repairs in `period` are fine.
  Decision repaired(Time now, std::uint32_t limit, Span period = kPeriod);

 private:
  Time period_start_{};
  Time last_pause_end_{};
  Span pause_{0};
  std::uint32_t count_ = 0;
};

}  // namespace mgmt
