// SPDX-License-Identifier: GPL-3.0-or-later
// Signals: how agents of one prefix hear of each other without a server. A writer touches <prefix>/db/changed
// after each commit (to watch the database's -wal would be too early: its write is seen before the commit
// is), and the kernel tells when a presence file is written or closed. One inotify instance; see inotify(7).
#pragma once

#include <string>

#include "src/base/error.h"
#include "src/base/fd.h"

namespace mgmt::world::local {

class Signals {
 public:
  /// Throws Error where <prefix>/db can't be used. Where inotify can't be had, works without events.
  explicit Signals(const std::string& prefix);

  /// Readable when take() has something; -1 where there are no events, and one has to look by the clock.
  int fd() const { return events_.get(); }
  /// Why there are no events, if there are none.
  const std::string& missing() const { return missing_; }

  struct Seen {
    bool changed = false;
    bool presence = false;
  };
  Seen take();
  /// Tells the others.
  void touch();

 private:
  void arm();
  void open_changed();

  std::string path_;
  std::string presence_;
  Fd changed_;
  Fd events_;
  int changed_watch_ = -1, presence_watch_ = -1;
  std::string missing_;
};

}  // namespace mgmt::world::local
