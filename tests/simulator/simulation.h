// SPDX-License-Identifier: GPL-3.0-or-later
// One simulated run: a machine, graphs and their edits, drifts, failures, swaps, stops and crashes, all from one seed.
#pragma once

#include <cstdint>
#include <string>

namespace mgmt::simulator {

struct Outcome {
  /// The first rule that was broken; empty: none.
  std::string violation;
  std::uint64_t steps = 0;
};

/// `trace`: prints each step.
Outcome simulate(std::uint64_t seed, bool trace);

}  // namespace mgmt::simulator
