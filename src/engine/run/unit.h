// SPDX-License-Identifier: GPL-3.0-or-later
// What runs of all sorts share.
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "src/async/pool.h"
#include "src/engine/run/instance.h"

namespace mgmt {

inline float seconds_since(TimePoint begin) { return std::chrono::duration<float>(Clock::now() - begin).count(); }

// The boundary of a unit of work: what it throws becomes a value.
template <class Work>
Outcome run_unit(Work work) {
  Outcome outcome;
  TimePoint begin = Clock::now();
  try {
    work(outcome, begin);
  } catch (const Error& error) {
    outcome.error = error;
  } catch (const std::exception& error) {
    outcome.error = Error(error.what());
  }
  outcome.end = Clock::now();
  outcome.seconds = std::chrono::duration<float>(outcome.end - begin).count();
  report::Timing& timing = outcome.timing;
  timing.worker = Pool::worker();
  if (timing.check < 0) timing.check = outcome.seconds;
  else timing.apply = outcome.seconds - timing.check;
  return outcome;
}

// The apply, or a part of it, of a run whose check was a job of its own.
inline void add_apply(Outcome& outcome, Outcome applied) {
  outcome.error = std::move(applied.error);
  outcome.seconds += applied.seconds;
  outcome.end = applied.end;
  outcome.timing.worker = applied.timing.worker;
  outcome.timing.apply = std::max(outcome.timing.apply, 0.0) + static_cast<double>(applied.seconds);
  outcome.staged = std::move(applied.staged);
}

}  // namespace mgmt
