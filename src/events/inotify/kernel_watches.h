// SPDX-License-Identifier: GPL-3.0-or-later
// KernelWatches: what the kernel offers to tell of changes in folders, behind one shape. There are two: Inotify, which
// everybody has, and Fanotify, which needs root, has no limit on watches and says who did it. Bits of a mask are
// inotify's (fanotify's are the same ones).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mgmt::events {

struct KernelEvent {
  /// As add() gave it; below 0 of a queue that overflowed, and of kLostFolder.
  int id = -1;
  std::uint32_t mask = 0;
  /// In the folder; "" for the folder itself.
  std::string_view name = {};
  /// Of the process that did it; 0: not known.
  pid_t pid = 0;
};

/// The attributes of a folder have changed of which only its inode is known, and nobody says where it stands.
constexpr std::uint32_t kLostFolder = 0x10000000;

class KernelWatches {
 public:
  virtual ~KernelWatches() = default;

  struct Added {
    int id = -1;
    int failure = 0;  // an errno
  };
  /// One and the same id for one inode, whatever the path. More bits are added to those that it has already.
  virtual Added add(const std::string& path, std::uint32_t mask) = 0;
  /// `path` is what it was added by; it may lead elsewhere by now.
  virtual void remove(int id, const std::string& path) = 0;

  /// Reads once, and calls for each; false if the queue is (nearly) empty. A watch whose inode is gone ends by itself:
  /// its last event has IN_IGNORED, and its id means nothing any more.
  using Call = std::function<void(const KernelEvent&)>;
  virtual bool read(const Call& call) = 0;

  /// Becomes readable when there is something to read.
  virtual int descriptor() const = 0;
};

}  // namespace mgmt::events
