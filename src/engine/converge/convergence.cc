// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/converge/convergence.h"

namespace mgmt {

Convergence::Decision Convergence::ask(Time now, bool quiet) {
  if (announced_ || !quiet) return {};
  if (now < last_activity_ + window_) return {.ask_at = last_activity_ + window_};
  announced_ = true;
  return {.announce = true};
}

}  // namespace mgmt
