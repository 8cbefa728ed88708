// SPDX-License-Identifier: GPL-3.0-or-later
// Launcher: clone and execve, on the thread that calls it, which must block all signals and outlive the children
// (they get SIGKILL when it ends). The Spawner's, for nobody else.
#pragma once

#include <sys/resource.h>

#include "src/async/process.h"

namespace mgmt {

struct Launched {
  pid_t pid = -1;
  Fd pidfd;
};

class Launcher {
 public:
  Launcher();
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  /// Returns when the child runs its program; `out` and `err` are its 1 and 2, /dev/null its 0. `descriptor_limit`: the
  /// soft limit it gets; 0: as ours.
  Result<Launched> launch(const Command& command, int out, int err, rlim_t descriptor_limit);

 private:
  void* stack_;
  // The child shares our descriptors until its first step, which copies only the lowest of them: however many the
  // agent has, a start costs the same. So what the child is to have waits in places taken early.
  Fd null_, out_place_, err_place_;
};

}  // namespace mgmt
