// SPDX-License-Identifier: GPL-3.0-or-later
// AgentState: what one agent remembers from run to run, as the loop's thread uses it: calls return at once, and the
// work is done on a thread of its own, which starts (and the file is opened or made) with the first thing to remember.
//
//   AgentState state(loop, {.prefix = prefix, .name = hostname, .warn = warn});
//   state.load([](Result<state::Due> due) { ... });        // opens nothing where there is nothing
//   state.add(rows, [](Result<void> done) { ... });              // on the disk
//   state.later([entry](state::Rows& rows) { rows.record(entry); }, bytes);
//   state.close(1s);
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "src/async/loop.h"
#include "src/state/database.h"
#include "src/state/refresh_journal.h"

namespace mgmt::state {

/// "<prefix>/db/agent/<name>.db". A name is a file's: who makes one sees to that.
std::string database_path(const std::string& prefix, const std::string& name);

class AgentState : public RefreshJournal {
 public:
  struct Options {
    std::string prefix, name;
    /// Called on the loop's thread with a text for the user; once for a trouble, until it is over. Also from close().
    std::function<void(std::string)> warn = {};
    Limits limits = {};
    std::chrono::milliseconds patience = std::chrono::seconds(5);
    /// What may wait to be written.
    std::size_t buffer = std::size_t{64} << 20;
    /// Nothing is written, not even a file; what is due can be loaded.
    bool read_only = false;
  };
  AgentState(Loop& loop, Options options);
  /// As close(), within a second.
  ~AgentState() override;
  AgentState(const AgentState&) = delete;
  AgentState& operator=(const AgentState&) = delete;

  void load(std::move_only_function<void(Result<Due>)> call);
  void add(std::vector<RefreshRow> rows, std::move_only_function<void(Result<void>)> done) override;
  void clear(std::vector<std::uint64_t> ids) override;

  /// What is done to the rows, inside a transaction. It may run twice, where that failed, and must not depend on what
  /// it did itself.
  using Job = std::function<void(Rows&)>;
  /// Calls `done` on the loop's thread once it is on the disk, or can't be. All that wait are one transaction.
  void durably(Job job, std::move_only_function<void(Result<void>)> done);
  /// Carried out some time soon, in the order of the calls, many in one transaction. `bytes` is what it holds, roughly.
  /// False: more waits than the buffer takes, and this won't be done.
  bool later(Job job, std::size_t bytes);
  /// The same, but does nothing where no file is there and nothing that makes one was asked for before.
  void if_there(Job job);
  /// Calls on the loop's thread after what was asked for before is done: an Error is `job`'s own, or the file's.
  void read(Job job, std::move_only_function<void(Result<void>)> done);

  /// How full the buffer is, from 0 to 1.
  double fill() const;

  /// Does what waits, at most for so long; calls nobody any more. An Error says what isn't done.
  Result<void> close(std::chrono::milliseconds limit);

 private:
  class Worker;
  /// Null where no thread can be started, and after the end.
  std::shared_ptr<Worker> ensure_worker();
  void refuse(std::move_only_function<void(Result<void>)> done, const char* why);

  Loop& loop_;
  Options options_;
  std::string path_;
  // Shared with its thread, which may be left behind in a write to a disk that doesn't answer.
  std::shared_ptr<Worker> worker_;
  std::thread thread_;
  bool closed_ = false;
  bool warned_ = false;
};

}  // namespace mgmt::state
