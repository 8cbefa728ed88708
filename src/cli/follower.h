// SPDX-License-Identifier: GPL-3.0-or-later
// Follower: tells when the files of a graph have been saved: written and closed, or renamed into place, and then
// unchanged for 100 ms, with nobody who still writes. So a save that takes a while is read once, at its end. Lives on
// the loop's thread; watches what it is given, and what comes to and goes from the folders among it.
//
// Who writes is asked of the kernel, by a lease: see fcntl(2). Where it gives none (a file of somebody else, a network
// file system) the event of the writer's close is what is waited for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/cli/graph_file.h"
#include "src/events/inotify/file_watcher.h"

namespace mgmt::cli {

class Follower {
 public:
  struct Calls {
    /// To be read again.
    std::function<void()> on_saved;
    /// What was seen of changes has been looked at (and read, if it was saved).
    std::function<void()> on_looked;
    /// A text for the user: it waits for somebody.
    std::function<void(std::string)> on_waiting;
  };
  /// Looks once soon: what was saved before this has told nobody.
  Follower(Loop& loop, events::FileWatcher& files, const GraphFiles& graph, Calls calls);

  /// The files are still as they were when on_saved was called: what was read since is whole. If not, it is called
  /// again.
  bool is_unchanged() const;
  /// A change was seen, and on_looked is still to come.
  bool is_looking() const { return quiet_.pending(); }

 private:
  /// What a stat shows of each file.
  struct Stamp {
    std::string path;
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = -1, modified = 0, changed = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> stamps() const;
  void watch();
  void on_event();
  void look();

  events::FileWatcher& files_;
  const GraphFiles& graph_;
  Calls calls_;
  Loop::Timer quiet_, waiting_;
  std::vector<Stamp> stamps_;
  std::vector<std::unique_ptr<events::FileWatcher::Watch>> watches_;
};

}  // namespace mgmt::cli
