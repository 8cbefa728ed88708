// SPDX-License-Identifier: GPL-3.0-or-later
// Mounts: tells where something was mounted, unmounted or moved, which inotify doesn't say: a watch stays with what
// has been hidden, or says nothing of what has come. The kernel wakes who polls /proc/self/mountinfo (proc(5));
// nothing is asked in between. A table is read at most a tenth of the time, however long it is and however often it
// changes. Where there is no /proc, it tells of nothing.
//
// Lives on the loop's thread; one descriptor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/async/loop.h"
#include "src/base/fd.h"
#include "src/events/mounts/mount_table.h"

namespace mgmt::events {

class Mounts {
 public:
  /// Called with the points (see MountTable::changed_since) from the loop, or from look().
  using Call = std::function<void(const std::vector<std::string>& points)>;

  Mounts(Loop& loop, Call changed);
  ~Mounts() { *alive_ = false; }
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;

  /// Reads the table, and calls for what is different in it: after this, nothing that happened before is still to be
  /// told.
  void look();

  const MountTable& table() const { return table_; }

 private:
  MountTable read();
  void on_change();

  Loop& loop_;
  Call changed_;
  Fd file_;
  MountTable table_;
  TimePoint not_before_{};
  bool told_ = false;  // the kernel said that something has changed, since the last look
  Loop::Timer later_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Loop::FdWatch watch_;  // before the descriptor goes
};

}  // namespace mgmt::events
