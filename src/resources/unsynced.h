// SPDX-License-Identifier: GPL-3.0-or-later
// Unsynced: the files that were written since the last sync. Filled by any thread as files appear, emptied
// by the engine when a burst has settled.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mgmt {

class Unsynced {
 public:
  /// A file (or folder, or link) that appeared or went: its data if it is a file, and its folder's entry
  /// are not on the disk yet. `device` as in st_dev.
  void add(const std::string& path, dev_t device);

  struct Batch {
    /// By device; `paths` only while there are few of them.
    struct Device {
      std::vector<std::string> paths;
      std::string some_folder;
      std::size_t count = 0;
    };
    std::map<dev_t, Device> devices;
    bool empty() const { return devices.empty(); }
  };
  Batch take();
  bool any() const;

  /// Blocks until all of the batch is on the disk: few files one by one with their folders, more by one
  /// syncfs a file system. Throws Error.
  static void sync(const Batch& batch);

  static constexpr std::size_t kFew = 64;

 private:
  mutable std::mutex mutex_;
  Batch batch_;
};

}  // namespace mgmt
