// SPDX-License-Identifier: GPL-3.0-or-later
// Running a command: CommandRun by calls, run_command as a coroutine. On the loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "src/async/process.h"
#include "src/report/event.h"

namespace mgmt::exec {

struct Finished {
  Ending ending;
  pid_t pid = 0;
  bool timed_out = false;
};

using OnLine = std::function<void(report::Output::Stream, std::string_view)>;
using OnBytes = std::function<void(report::Output::Stream, std::string_view)>;

/// What is done with what a command prints; each may be empty.
struct Reading {
  OnLine on_line = {};
  /// What was read, as it was read, before its lines are told.
  OnBytes on_bytes = {};
  /// Asked before each read: true leaves what was printed in its pipe for a moment more.
  std::function<bool()> hold = {};
};

/// A command from now to its end. Destroyed before, it is not started, or killed with its process group, and
/// calls nothing any more. It may be destroyed from within its calls.
class CommandRun {
 public:
  /// Exactly once: how it ended, or why it did not start.
  using OnEnd = std::move_only_function<void(Result<Finished>)>;

  /// `timeout` counts from the start of the process, 0 is none. What the command
  /// left running may keep its pipes open: they are not waited for (but for a moment where a relay stands between).
  CommandRun(Loop& loop, Spawner& spawner, Command command, Duration timeout, Reading by, OnEnd on_end);
  ~CommandRun();
  /// It runs, and a stop waits for its end.
  bool outlasts_stop() const;
  CommandRun(const CommandRun&) = delete;
  CommandRun& operator=(const CommandRun&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Throws Error if it did not start. Cancelled, it throws operation_aborted, and the process group is killed; but what
/// a stop waits for goes on.
boost::asio::awaitable<Finished> run_command(Loop& loop, Spawner& spawner, Command command, Duration timeout,
                                             Reading by);

}  // namespace mgmt::exec
