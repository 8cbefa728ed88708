// SPDX-License-Identifier: GPL-3.0-or-later
// Fanotify: one group of fanotify(7) with a mark on each folder's inode, so that only what happens in these wakes us.
// For root; there is no limit on marks, and an event says which process it was. Folders are told apart by their file
// handles. A descriptor of that process (FAN_REPORT_PIDFD) isn't asked for: it costs about as much as the event, and
// most events are our own writes.
//
// What the kernel tells otherwise than inotify, and what becomes of it here:
//   - attributes of a folder are told by that folder, never by the one that it stands in: if it has no mark, its
//     place is looked up by its handle, and where the file system can't do that, the event is kLostFolder;
//   - a mark goes without a word when its inode does: the IN_IGNORED is ours;
//   - some file systems have no handles (EOPNOTSUPP, ENODEV), or can't be in one group with others (EXDEV): add()
//     fails there, and inotify is asked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "src/base/fd.h"
#include "src/events/inotify/kernel_watches.h"

namespace mgmt::events {

class Fanotify : public KernelWatches {
 public:
  /// Null where it can't be had.
  static std::unique_ptr<Fanotify> create();
  Added add(const std::string& path, std::uint32_t mask) override;
  void remove(int id, const std::string& path) override;
  bool read(const Call& call) override;
  int descriptor() const override { return fd_.get(); }
  /// Whether an id is one of ours, and none of inotify's.
  static bool is_id(int id) { return id >= kFirst; }

 private:
  static constexpr int kFirst = 1 << 30;  // above all that inotify gives
  explicit Fanotify(Fd fd) : fd_(std::move(fd)) {}

  /// The file system's number, and what the file system calls an inode.
  using Key = std::string;
  static Key key_of(int folder);
  /// None, and errno is ESTALE, if it is gone.
  Fd open_by(const Key& key) const;
  void read_one(const char* event, const Call& call);
  bool find_unmarked(const Key& key, KernelEvent& event, std::string& name) const;

  Fd fd_;
  std::unordered_map<Key, int> ids_;
  std::unordered_map<int, const Key*> keys_;  // into ids_
  /// A folder that was marked, for each file system: where its handles can be opened.
  std::unordered_map<std::string, std::string> places_;
  int next_ = kFirst;
};

}  // namespace mgmt::events
