// SPDX-License-Identifier: GPL-3.0-or-later
// The store thread of a LocalWorld: does its jobs in their order, groups the commits, and tells the watches.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "src/base/fd.h"
#include "src/world/local/local_world.h"
#include "src/world/local/signals.h"
#include "src/world/local/store.h"

namespace mgmt::world::local {

/// What lives on the loop's thread: who is called. Outlives the World while an answer is on its way.
struct LocalWorld::Calls {
  bool alive = true;
  Worker* worker = nullptr;
  std::uint64_t last_id = 0;
  // Shared, so that a call may destroy its own Watch.
  std::map<std::uint64_t, std::shared_ptr<WatchCall>> watches;
  std::map<std::uint64_t, std::shared_ptr<PresenceCall>> presences;
};

class LocalWorld::Worker {
 public:
  Worker(Loop& loop, const Options& options, std::shared_ptr<Calls> calls);
  ~Worker();

  struct Read {
    std::string prefix;
    ReadCall call;
  };
  struct Write {
    Commit commit;
    CommitCall call;
  };
  struct AddWatch {
    std::uint64_t id;
    std::string prefix;
    Revision after;
  };
  struct AddPresence {
    std::uint64_t id;
  };
  /// A watch of either sort.
  struct Remove {
    std::uint64_t id;
  };
  struct Take {
    std::string name;
    ClaimCall call;
  };
  struct Compact {
    std::move_only_function<void()> call;
  };
  using Job = std::variant<Read, Write, AddWatch, AddPresence, Remove, Take, Compact>;
  void submit(Job job);

  std::atomic<Fault> fault{Fault::None};

 private:
  void work();
  void take_signals();
  void run_jobs();
  void run(Read& job);
  void run(AddWatch& job);
  void run(AddPresence& job);
  void run(Remove& job);
  void run(Take& job);
  void run(Compact& job);
  void run(std::vector<Write>& group);

  void ensure_signals();
  void touch();
  void tell_watches();
  void tell_presence();
  int wait_ms() const;

  void post(std::move_only_function<void(Calls&)> task);
  void post_event(std::uint64_t id, WatchEvent event);
  void warn(std::string text);

  Loop& loop_;
  std::shared_ptr<Calls> calls_;
  std::string prefix_;
  std::function<void(std::string)> warn_;

  std::mutex mutex_;
  std::deque<Job> jobs_;
  std::atomic<bool> closing_ = false;
  Fd wake_;

  // Of the store thread.
  Store store_;
  std::optional<Signals> signals_;
  struct Watched {
    std::string prefix;
    Revision after;
  };
  std::map<std::uint64_t, Watched> watched_;
  std::map<std::uint64_t, std::optional<std::vector<std::string>>> present_;  // what each watch was told last
  /// What is to be looked at before the thread waits again.
  Signals::Seen look_;
  std::size_t looks_again_ = SIZE_MAX;
  bool warned_polling_ = false, warned_touch_ = false;

  std::thread thread_;
};

}  // namespace mgmt::world::local
