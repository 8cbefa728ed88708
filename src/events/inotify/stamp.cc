// SPDX-License-Identifier: GPL-3.0-or-later
// FileWatcher: whether what is polled has changed, for those who don't look themselves.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "src/base/path.h"
#include "src/events/inotify/state.h"

namespace mgmt::events {
namespace {

void add(std::uint64_t& stamp, std::uint64_t value) { stamp = (stamp ^ value) * 0x9e3779b97f4a7c15ULL + (stamp >> 29); }

void add(std::uint64_t& stamp, const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return add(stamp, 1);
  for (auto value :
       {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_mode),
        static_cast<std::uint64_t>(found.st_size), static_cast<std::uint64_t>(found.st_mtim.tv_sec),
        static_cast<std::uint64_t>(found.st_mtim.tv_nsec), static_cast<std::uint64_t>(found.st_ctim.tv_sec),
        static_cast<std::uint64_t>(found.st_ctim.tv_nsec)})
    add(stamp, value);
}

// What lies in a folder, in whatever order it is listed.
std::uint64_t stamp_of_folder(const std::string& path) {
  DIR* dir = ::opendir(path.c_str());
  if (!dir) return 1;
  std::uint64_t all = 0;
  while (const dirent* item = ::readdir(dir)) {
    std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    std::uint64_t one = std::hash<std::string_view>()(name);
    add(one, join_path(path, name));
    all += one;
  }
  ::closedir(dir);
  return all;
}

std::uint64_t stamp_of(const Entry& entry) {
  std::uint64_t stamp = 0;
  add(stamp, entry.path());
  if (entry.more)
    for (const Folder* part : entry.more->tree) add(stamp, stamp_of_folder(part->path));
  return stamp;
}

}  // namespace

bool Entry::is_polled() const {
  auto polled = [](const Folder* one) { return one->incomplete || one->unwatchable; };
  return polled(folder) || (more && std::ranges::any_of(more->tree, polled));
}

void Entry::take_stamp() {
  if (is_polled()) ensure_more().stamp = stamp_of(*this);
}

bool Entry::has_changed() { return !more || more->stamp != stamp_of(*this); }

}  // namespace mgmt::events
