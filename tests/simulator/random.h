// SPDX-License-Identifier: GPL-3.0-or-later
// Random: all chance of a simulated run, from one seed (splitmix64).
#pragma once

#include <cstdint>

#include "src/async/loop.h"

namespace mgmt::simulator {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// In [0, end); end > 0.
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>((next() >> 32) * end >> 32); }
  bool percent(std::uint32_t chance) { return below(100) < chance; }
  /// In [0, longest], in whole milliseconds: so that things coincide.
  Duration up_to(std::chrono::milliseconds longest) {
    return std::chrono::milliseconds(below(static_cast<std::uint32_t>(longest.count()) + 1));
  }

 private:
  std::uint64_t state_;
};

}  // namespace mgmt::simulator
