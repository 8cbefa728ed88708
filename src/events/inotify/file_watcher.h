// SPDX-License-Identifier: GPL-3.0-or-later
// FileWatcher: tells when what stands at a path may have changed: the entry itself, any component of its
// path, what a symlink on the way points to, or a parent that doesn't exist yet. One inotify instance for
// any number of paths; a folder that several paths share is watched once. What can't be watched is polled.
//
// Lives on the loop's thread. Level-triggered: a call says "look again", nothing of what happened.
//
//   auto subscription = watcher.watch("/etc/motd", {}, [&](Event event) { ... });
//
// Where the kernel has no inotify instance or watch left, the path is looked at every few seconds instead
// (`polled_paths` says how many are), with one warning for all. A queue that overflowed calls everybody once,
// and the first time warns. See inotify(7).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "src/async/loop.h"

namespace mgmt::events {

class FileWatcher {
 public:
  enum class Event {
    /// The entry, or a component of its path, appeared, went, was renamed or changed its attributes.
    Entry,
    /// Its content was written in place, something below a recursive watch changed, or it isn't known what happened.
    Content,
  };
  struct Options {
    /// Everything below the folder too, folders that appear later included.
    bool recursive = false;
    /// If the last component is a symlink, watch what it points to as well (its components too).
    bool follow = false;
    /// What is written in place is told when its writer closes it, and not before.
    bool closes = false;
  };
  using Call = std::function<void(Event)>;

  /// `warn` is called with a text for the user, at most once for each reason.
  FileWatcher(Loop& loop, std::function<void(std::string)> warn);
  ~FileWatcher();

  class Watch {
   public:
    virtual ~Watch() = default;
  };
  /// `path` is absolute; need not exist. When this returns, every later change calls (unless the Watch is
  /// destroyed before). Calls come from the loop, never from within watch(); they may watch and unwatch, but not
  /// destroy the FileWatcher.
  std::unique_ptr<Watch> watch(const std::string& path, Options options, Call call);

  /// Reads what the kernel has queued, and makes the calls for it, now. An event is queued before the system call
  /// that caused it returns: after this, nothing that happened before is still to be told.
  void drain();

  /// Calls for every path that is polled, now instead of at its time.
  void poll_now();

  std::size_t polled_paths() const;
  std::size_t kernel_watches() const;

  /// How often a path that can't be watched is looked at.
  static constexpr Duration kPollInterval = std::chrono::seconds(2);

  struct State;  // file_watcher.cc's own

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mgmt::events
