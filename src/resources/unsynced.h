// SPDX-License-Identifier: GPL-3.0-or-later
// Unsynced: what was written and may not be on the disk yet, and when that is to be waited for. Filled by any thread as
// files appear, emptied by the engine when a burst has settled.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/resources/resource.h"

namespace mgmt {

enum class Durability : std::uint8_t {
  /// Nothing is synced.
  None,
  /// What replaces a file before it does, all else when a burst has settled: many together.
  Burst,
  /// Each file and its folder, before it counts as done.
  File,
};

class Unsynced {
 public:
  explicit Unsynced(Durability durability = Durability::Burst) : durability_(durability) {}

  /// A file (or folder, or link) that appeared or went: its data if it is a file, and its folder's entry
  /// are not on the disk yet. `device` as in st_dev. With Durability::File, and on a network file system, where a sync
  /// of everything is everybody's, it is synced before this returns; throws Error then.
  void add(const std::string& path, dev_t device);

  /// What a file that is about to replace `path` needs.
  enum class Before : std::uint8_t {
    Nothing,
    /// That its data is written: the journal has the rest in front of the name (see ordered.h).
    Data,
    /// Its own sync.
    Sync,
    /// One with many others: this is a burst.
    Batch,
  };
  Before before_rename(const std::string& path, dev_t device);

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
  /// Ends the burst.
  Batch take();
  /// What couldn't be synced in time is to be, with what comes next.
  void put_back(Batch batch);
  bool any() const;

  /// Blocks until all of the batch is on the disk: few files one by one with their folders, more by one
  /// syncfs a file system. That waits for everybody's data, so not for ever: false after kPatience. Throws Error.
  static bool sync(const Batch& batch);

  using Data = Staged::Data;
  /// Blocks until the data of these files is on the disk: up to kFew of a file system, and those that a syncfs isn't
  /// done with in time, one by one. An Error for each that failed.
  static std::vector<std::optional<Error>> sync_data(const std::vector<Data>& files);

  /// Files that replace others. A burst is more than kFew in a tenth of a second, and goes on until there were fewer.
  class Pace {
   public:
    bool is_burst(std::chrono::steady_clock::time_point now);

   private:
    std::chrono::steady_clock::time_point begin_{};
    std::size_t count_ = 0;
    bool burst_ = false;
  };

  static constexpr std::size_t kFew = 64;
  static constexpr int kPatience = 10;  // seconds

 private:
  struct FileSystem {
    bool network = false;
    /// See ordered.h.
    bool ordered = false;
  };
  const FileSystem& file_system(const std::string& path, dev_t device);

  const Durability durability_;
  mutable std::mutex mutex_;  // guards the rest
  Batch batch_;
  /// Since the last take: of each file system, and what is known of it.
  std::map<dev_t, Pace> replaced_;
  std::map<dev_t, FileSystem> file_systems_;
};

}  // namespace mgmt
