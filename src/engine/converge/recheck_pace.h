// SPDX-License-Identifier: GPL-3.0-or-later
// RecheckPace: in which steps everything is looked at again that no event tells of. A round takes as long as asked, ten
// per cent more or less: hosts that were started together don't do it together. It has at most 30 steps, so that
// neither many resources are looked at in one go nor an idle agent wakes up often. Pure: chance comes in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace mgmt {

class RecheckPace {
 public:
  using Span = std::chrono::steady_clock::duration;

  explicit RecheckPace(Span round) : round_(round) {}

  struct Step {
    Span wait;
    /// Of the resources by their number: from `begin`, up to `end` excluded.
    std::size_t begin = 0, end = 0;
  };
  /// The next one, of so many resources; `chance` from 0 to 1 is used where a round begins.
  Step next(std::size_t resources, double chance) {
    if (next_ >= resources) next_ = 0;
    if (next_ == 0) factor_ = 0.9 + 0.2 * chance;
    std::size_t each = std::max<std::size_t>(1, (resources + kSteps - 1) / kSteps);
    std::size_t steps = std::max<std::size_t>(1, (resources + each - 1) / each);
    Step step{.wait = std::chrono::duration_cast<Span>(round_ * factor_ / static_cast<double>(steps)),
              .begin = next_,
              .end = std::min(resources, next_ + each)};
    next_ = step.end;
    return step;
  }

  static constexpr std::size_t kSteps = 30;

 private:
  Span round_;
  double factor_ = 1;
  std::size_t next_ = 0;
};

}  // namespace mgmt
