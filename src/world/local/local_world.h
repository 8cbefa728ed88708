// SPDX-License-Identifier: GPL-3.0-or-later
// LocalWorld: the world of the agents on one machine that have the same prefix. Embedded, without any server:
// SQLite on a thread of its own (Store), events by inotify (Signals), presence by locked files (NameLock).
//
// The thread starts and the database is opened with the first call, not before. All commits that wait are one
// transaction. Other agents hear of a commit by event; where the kernel has no inotify instance left, they
// look once a second, and say so through `warn`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "src/async/loop.h"
#include "src/world/local/store.h"
#include "src/world/world.h"

namespace mgmt::world::local {

class LocalWorld : public World {
 public:
  struct Options {
    std::string prefix;
    /// Called on the loop's thread with a text for the user.
    std::function<void(std::string)> warn = {};
    /// How long a commit or read waits for other processes before it is Unavailable.
    std::chrono::milliseconds patience = std::chrono::seconds(5);
    /// How many deletions are remembered for watches that start late.
    std::size_t keep_deleted = 10'000;
    std::size_t page_bytes = kMaxPageBytes;
  };
  LocalWorld(Loop& loop, Options options);
  /// Drops what has not begun, waits for the transaction that runs.
  ~LocalWorld() override;

  void read(std::string prefix, ReadCall call) override;
  [[nodiscard]] std::unique_ptr<Watch> watch(std::string prefix, Revision after, WatchCall call) override;
  void commit(Commit commit, CommitCall call) override;
  void claim(std::string name, ClaimCall call) override;
  [[nodiscard]] std::unique_ptr<Watch> watch_presence(PresenceCall call) override;

  /// For tests: what goes wrong with the next commit.
  void inject(Fault fault);
  /// For tests: forgets all deletions now.
  void compact(std::move_only_function<void()> done);

  static constexpr std::chrono::milliseconds kPollInterval = std::chrono::seconds(1);

 private:
  class Worker;
  struct Calls;
  class Handle;

  Worker& worker();

  Loop& loop_;
  Options options_;
  std::shared_ptr<Calls> calls_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace mgmt::world::local
