// SPDX-License-Identifier: GPL-3.0-or-later
// Convergence: when a run may say "converged". Pure: time comes in.
//
// The window restarts on activity (a change, a failure, a swap), and not on an event whose check found nothing.
// At its end nothing is dirty, running or waiting for a retry, or the announcement waits until that holds.
#pragma once

#include <chrono>
#include <optional>

namespace mgmt {

class Convergence {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Span = std::chrono::steady_clock::duration;

  explicit Convergence(Span window) : window_(window) {}

  /// Something was changed, failed, or the graph was swapped.
  void active(Time now) {
    last_activity_ = now;
    announced_ = false;
  }

  struct Decision {
    /// Say it now. Once; again only after the next activity.
    bool announce = false;
    /// Else, if set: ask again then.
    std::optional<Time> ask_at = {};
  };
  /// `quiet`: nothing is dirty (but for what is behind a failure), running or waiting for a retry.
  Decision ask(Time now, bool quiet);

 private:
  Span window_;
  Time last_activity_{};
  bool announced_ = false;
};

}  // namespace mgmt
