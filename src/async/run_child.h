// SPDX-License-Identifier: GPL-3.0-or-later
// run_child: a command from its start to its end, for a thread that may block (a pool's). The loop's thread has the
// Spawner for that.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "src/async/process.h"

namespace mgmt {

struct ChildRun {
  Ending ending;
  bool timed_out = false;
  /// The end of what it printed, stdout and stderr as they came.
  std::string output;
  /// There was more.
  bool cut = false;
};

/// Starts `command` (stdin is /dev/null) and waits until it has ended, or kills it after `limit`; what it left running
/// in its process group is killed as well, and so is all of it when the agent dies. At most `keep` bytes of what it
/// prints are kept. An Error says why it could not be started.
Result<ChildRun> run_child(const Command& command, std::chrono::milliseconds limit, std::size_t keep);

/// The soft limit of descriptors that children get, 0 for our own: see raise_descriptor_limit.
std::size_t original_descriptors();

}  // namespace mgmt
