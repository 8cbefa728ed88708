// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/converge/repair_limit.h"

#include <algorithm>

namespace mgmt {

RepairLimit::Decision RepairLimit::repaired(Time now, std::uint32_t limit, Span period) {
  bool fighting = pause_ > Span(0);
  // A fight is over when nothing had to be repaired for a while after the last pause.
  if (fighting && now > last_pause_end_ + period) {
    fighting = false;
    pause_ = Span(0);
    count_ = 0;
  }
  if (now - period_start_ >= period) {
    period_start_ = now;
    count_ = 0;
  }
  ++count_;
  if (!fighting && count_ <= limit) return {};
  Decision decision{.pause = fighting ? std::min(pause_ * 2, kLongestPause) : kFirstPause, .warn = !fighting};
  pause_ = decision.pause;
  last_pause_end_ = now + decision.pause;
  return decision;
}

}  // namespace mgmt
