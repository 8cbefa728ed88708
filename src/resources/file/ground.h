// SPDX-License-Identifier: GPL-3.0-or-later
// Ground: the folder that an entry is in, reached so that nobody can lead root elsewhere. As root, a path may go
// through folders that only root can change, and from there into the hands of one user and no other; what is written
// there must be that user's too, so that he gains nothing that he couldn't do himself (as systemd-tmpfiles has it).
// Whatever else can be replaced on the way is refused. For who isn't root there is nothing to refuse.
//
// What was found of a folder in root's hands is good for a second, on its own thread, unless something happens to a
// folder on a watched way before; below a user's folder the way is walked each time, and the entry is reached by the
// descriptor of the folder at its end.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "src/base/fd.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

/// Who may replace what is in a folder.
struct Hands {
  /// 0: root alone.
  uid_t user = 0;
  /// Everybody may put something there, and replace what is his own: a sticky folder.
  bool shared = false;
};

class Ground {
 public:
  /// `path` is clean, and outlives this. Throws Error where a component of it may be replaced.
  explicit Ground(const std::string& path);
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  const Spot& spot() const { return spot_; }
  const Hands& hands() const { return hands_; }
  /// Before it is made or changed. Throws Error if what is there (null: nothing), or what would be once it belongs to
  /// `owner` (kAsFound: to who has it), isn't in the same hands as its folder.
  void allow(const struct stat* there, uid_t owner) const;

 private:
  std::string name_;
  Fd folder_;
  Hands hands_;
  Spot spot_;
};

/// What a chain of symlinks at `path` leads to, `path` itself if none is there. Throws Error where one of them, or what
/// it leads to, may be replaced by another user.
std::string follow_links(const std::string& path);

/// A folder on the way to something moved: what is remembered of folders counts no more. Any thread.
void forget_grounds();

/// True if everybody may go through all folders on the way to `path`.
bool is_reachable_by_all(const std::string& path);

}  // namespace mgmt::file
