// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/unsynced.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/events/inotify/file_systems.h"
#include "src/resources/ordered.h"
#include "src/resources/sync_within.h"

namespace mgmt {

namespace {

// Special file systems (proc, some of FUSE) have nothing to sync and say so.
bool has_no_sync(int failure) { return failure == EINVAL || failure == ENOTSUP || failure == EROFS; }

// What is there now: what was added may have gone again, with its folder.
bool is_gone(int failure) { return failure == ENOENT || failure == ENOTDIR; }

// False if it isn't done in time.
bool sync_file_system(std::string folder, dev_t device) {
  while (true) {
    Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (fd && ::fstat(fd.get(), &status) == 0 && status.st_dev == device) {
      std::optional<int> failure = sync_within(std::move(fd), device, std::chrono::seconds(Unsynced::kPatience));
      if (failure && *failure != 0 && !has_no_sync(*failure))
        throw Error::system(*failure, "syncing the file system of " + folder);
      return failure.has_value();
    }
    // The folder went since, or can't be opened; one above it on the same file system does as well.
    if (folder == "/") break;
    folder = parent_path(folder);
  }
  std::optional<int> done = sync_within(Fd(), device, std::chrono::seconds(Unsynced::kPatience));
  return done.has_value();
}

// By its descriptor, or what else there is; what can't be opened is left to the sync of all.
void sync_open(const std::string& path, int flags) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags));
  if (!fd) {
    if (is_gone(errno) || errno == ELOOP) return;
    int failure = errno;
    // Written, and not to be read by us: any descriptor does.
    if (failure == EACCES) fd = Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | flags));
    if (!fd) throw Error::system(failure, "syncing " + path);
  }
  if (::fsync(fd.get()) != 0 && !has_no_sync(errno)) throw Error::system(errno, "syncing " + path);
}

void sync_folder(const std::string& folder) { sync_open(folder, O_DIRECTORY); }

void sync_path(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (is_gone(errno)) return;
    throw Error::system(errno, "syncing " + path);
  }
  // A link is all in its folder's entry, and opening a device does things.
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) sync_open(path, O_NOFOLLOW);
}

}  // namespace

// With the lock held.
const Unsynced::FileSystem& Unsynced::file_system(const std::string& path, dev_t device) {
  auto [known, fresh] = file_systems_.try_emplace(device);
  struct statfs space{};
  if (fresh && ::statfs(parent_path(path).c_str(), &space) == 0)
    known->second = {.network = !events::incomplete_file_system(static_cast<unsigned long>(space.f_type)).empty(),
                     .ordered = space.f_type == EXT4_SUPER_MAGIC && journal_orders(device)};
  return known->second;
}

void Unsynced::add(const std::string& path, dev_t device) {
  if (durability_ == Durability::None) return;
  {
    std::lock_guard lock(mutex_);
    if (durability_ == Durability::Burst && !file_system(path, device).network) {
      Batch::Device& on = batch_.devices[device];
      if (on.count > kFew) {
        ++on.count;
        return;
      }
      // The same file ten times is one file to sync.
      if (std::ranges::find(on.paths, path) != on.paths.end()) return;
      on.some_folder = parent_path(path);
      ++on.count;
      if (on.count <= kFew) on.paths.push_back(path);
      else on.paths.clear();
      return;
    }
  }
  sync_path(path);
  sync_folder(parent_path(path));
}

bool Unsynced::Pace::is_burst(std::chrono::steady_clock::time_point now) {
  constexpr auto kSpan = std::chrono::milliseconds(100);
  if (now - begin_ > kSpan) {
    burst_ = count_ > kFew && now - begin_ < 2 * kSpan;
    count_ = 0;
    begin_ = now;
  }
  return ++count_ > kFew || burst_;
}

Unsynced::Before Unsynced::before_rename(const std::string& path, dev_t device) {
  if (durability_ == Durability::None) return Before::Nothing;
  if (durability_ == Durability::File) return Before::Sync;
  std::lock_guard lock(mutex_);
  const FileSystem& on = file_system(path, device);
  if (on.network) return Before::Sync;
  if (replaced_[device].is_burst(std::chrono::steady_clock::now())) return Before::Batch;
  return on.ordered ? Before::Data : Before::Sync;
}

Unsynced::Batch Unsynced::take() {
  std::lock_guard lock(mutex_);
  replaced_.clear();
  file_systems_.clear();
  return std::exchange(batch_, {});
}

void Unsynced::put_back(Batch batch) {
  std::lock_guard lock(mutex_);
  for (auto& [device, was] : batch.devices) {
    Batch::Device& on = batch_.devices[device];
    if (on.some_folder.empty()) on.some_folder = std::move(was.some_folder);
    on.paths.insert(on.paths.end(), std::make_move_iterator(was.paths.begin()),
                    std::make_move_iterator(was.paths.end()));
    on.count += was.count;
    if (on.count > kFew) on.paths.clear();
  }
}

bool Unsynced::any() const {
  std::lock_guard lock(mutex_);
  return !batch_.empty();
}

bool Unsynced::sync(const Batch& batch) {
  bool in_time = true;
  for (const auto& [device, on] : batch.devices) {
    if (on.count > kFew) {
      in_time &= sync_file_system(on.some_folder, device);
      continue;
    }
    try {
      std::set<std::string> folders;
      for (const std::string& path : on.paths) {
        sync_path(path);
        folders.insert(parent_path(path));
      }
      for (const std::string& folder : folders) sync_folder(folder);
    } catch (const Error& error) {
      // What we made may be closed to us, its mode being so: then with all that is there.
      if (error.code() != EACCES && error.code() != EPERM) throw;
      in_time &= sync_file_system(on.some_folder, device);
    }
  }
  return in_time;
}

std::vector<std::optional<Error>> Unsynced::sync_data(const std::vector<Data>& files) {
  std::map<dev_t, std::vector<std::size_t>> devices;
  for (std::size_t i = 0; i < files.size(); ++i) devices[files[i].device].push_back(i);
  std::vector<std::optional<Error>> errors(files.size());
  for (const auto& [device, indices] : devices) {
    try {
      if (indices.size() > kFew && sync_file_system(parent_path(files[indices[0]].path), device)) continue;
    } catch (const Error&) {
      // One by one, which of them it is shows.
    }
    for (std::size_t i : indices) {
      try {
        sync_path(files[i].path);
      } catch (const Error& error) {
        errors[i] = error;
      }
    }
  }
  return errors;
}

}  // namespace mgmt
