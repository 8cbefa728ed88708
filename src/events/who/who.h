// SPDX-License-Identifier: GPL-3.0-or-later
// Who: which process changed what last, for a while. It is read when its event is, since many have ended by the time
// that anybody asks; of one that has ended already the kernel's record of its parent tells the rest. Our own process
// changes nothing. On the loop's thread.
#pragma once

#include <sys/types.h>

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "src/async/loop.h"
#include "src/base/process.h"
#include "src/events/who/recent.h"

namespace mgmt::events {

class Who {
 public:
  Who();

  /// Processes that begin from now on are known also after they have ended.
  void remember_processes();

  /// Events are about to be read: what was read of processes before may be old.
  void begin() { batch_.clear(); }
  void did(const std::string& path, pid_t pid);
  /// Whoever changed it since it was taken last, and lately. Null if nobody did.
  std::shared_ptr<const Process> take(const std::string& path);

  /// Paths that are remembered, the last ones. What nobody asked for in so long was no change.
  static constexpr std::size_t kMostPaths = 4096;
  static constexpr Duration kKept = std::chrono::seconds(10);

 private:
  struct Did {
    std::string path;
    std::shared_ptr<const Process> who;
    TimePoint when;
  };
  std::shared_ptr<const Process> find(pid_t pid);
  Process describe(pid_t pid);
  const Process& look_closer_at(const Process& process);
  const std::string& user(uid_t uid);

  pid_t self_;
  std::optional<RecentProcesses> recent_;
  std::list<Did> last_;  // the newest first
  std::unordered_map<std::string, std::list<Did>::iterator> by_path_;
  std::unordered_map<pid_t, std::shared_ptr<const Process>> batch_;
  /// The last ones that were looked at closely: shells, editors and loops come again and again.
  std::deque<Process> known_;
  std::unordered_map<uid_t, std::string> users_;
};

}  // namespace mgmt::events
