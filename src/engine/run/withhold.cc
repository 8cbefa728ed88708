// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: what is only looked at for a while.
#include "src/engine/run/engine.h"

namespace mgmt {

void Engine::withhold(Withheld withheld) {
  Withheld before = std::exchange(withheld_, std::move(withheld));
  // While nothing may be done, nothing that acts is started to watch either.
  services_.noop = options_.noop || withheld_.all;
  bool rearm = before.all && !withheld_.all;
  for (const auto& instance : instances_) {
    if (rearm) instance->rearm = true;
    if (before.has(*instance->declaration) && !withheld_.has(*instance->declaration))
      mark_dirty(*instance, report::Cause::Why::Resumed);
  }
  if (generation_ > 0) pump_soon();
}

}  // namespace mgmt
