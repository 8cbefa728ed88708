// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/unsynced.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"

namespace mgmt {

void Unsynced::add(const std::string& path, dev_t device) {
  std::lock_guard lock(mutex_);
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
}

Unsynced::Batch Unsynced::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(batch_, {});
}

bool Unsynced::any() const {
  std::lock_guard lock(mutex_);
  return !batch_.empty();
}

namespace {

// Special file systems (proc, some of FUSE) have nothing to sync and say so.
bool has_no_sync(int failure) { return failure == EINVAL || failure == ENOTSUP || failure == EROFS; }

// What is there now: what was added may have gone again, with its folder.
bool is_gone(int failure) { return failure == ENOENT || failure == ENOTDIR; }

void sync_file_system(std::string folder, dev_t device) {
  while (true) {
    Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (fd && ::fstat(fd.get(), &status) == 0 && status.st_dev == device) {
      if (::syncfs(fd.get()) != 0 && !has_no_sync(errno))
        throw Error::system(errno, "syncing the file system of " + folder);
      return;
    }
    // The folder went since, or can't be opened; one above it on the same file system does as well.
    if (folder == "/") break;
    folder = parent_path(folder);
  }
  ::sync();
}

void sync_folder(const std::string& folder, dev_t device) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (is_gone(errno)) return;
    return sync_file_system(folder, device);
  }
  if (::fsync(fd.get()) != 0 && !has_no_sync(errno)) throw Error::system(errno, "syncing the folder " + folder);
}

void sync_path(const std::string& path, dev_t device) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (is_gone(errno)) return;
    throw Error::system(errno, "syncing " + path);
  }
  // A link is all in its folder's entry, and opening a device does things.
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return;
  Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (is_gone(errno) || errno == ELOOP) return;
    return sync_file_system(parent_path(path), device);
  }
  if (::fsync(fd.get()) != 0 && !has_no_sync(errno)) throw Error::system(errno, "syncing " + path);
}

}  // namespace

void Unsynced::sync(const Batch& batch) {
  for (const auto& [device, on] : batch.devices) {
    if (on.count > kFew) {
      sync_file_system(on.some_folder, device);
      continue;
    }
    std::set<std::string> folders;
    for (const std::string& path : on.paths) {
      sync_path(path, device);
      folders.insert(parent_path(path));
    }
    for (const std::string& folder : folders) sync_folder(folder, device);
  }
}

}  // namespace mgmt
