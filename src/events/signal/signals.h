// SPDX-License-Identifier: GPL-3.0-or-later
// Signals: SIGINT, SIGTERM as events of the loop (signalfd(2)). Make it before any thread, which inherits
// the mask; from then on these signals do nothing but call.
#pragma once

#include <functional>
#include <vector>

#include "src/async/loop.h"
#include "src/base/fd.h"

namespace mgmt::events {

class Signals {
 public:
  Signals(Loop& loop, const std::vector<int>& signals, std::function<void(int)> call);

 private:
  Fd fd_;
  Loop::FdWatch watch_;
};

}  // namespace mgmt::events
