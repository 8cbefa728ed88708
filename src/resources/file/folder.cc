// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/folder.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "src/base/path.h"

namespace mgmt::file {

Fd open_folder(const Spot& spot) {
  Fd fd(::openat(spot.folder, spot.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (fd) return fd;
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) throw Raced(spot.shown);
  throw Error::system(errno, "opening the folder " + spot.shown);
}

namespace {

std::uint64_t mount_of(int folder, const std::string& shown) {
  struct statx status{};
  if (::statx(folder, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) throw Error::system(errno, "looking at " + shown);
  return status.stx_mnt_id;
}

// For a kernel, or a container's filter, without openat2: step by step.
Fd walk_below(int folder, const std::string& path, const std::string& shown, Mounts mounts) {
  Fd at;
  for (std::string_view part : path_components(path)) {
    std::string name(part);
    Fd next = open_folder({.folder = at ? at.get() : folder, .name = name.c_str(), .shown = shown});
    at = std::move(next);
  }
  if (mounts == Mounts::Stay && mount_of(at.get(), shown) != mount_of(folder, shown)) throw OtherMount(shown);
  return at;
}

}  // namespace

Fd open_below(int folder, const std::string& path, const std::string& shown, Mounts mounts) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (mounts == Mounts::Stay ? RESOLVE_NO_XDEV : 0U);
  Fd fd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
  if (fd) return fd;
  // EAGAIN: something on the way was renamed just now.
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EAGAIN) throw Raced(shown);
  if (errno == EXDEV) throw OtherMount(shown);
  if (errno == ENOSYS || errno == EPERM) return walk_below(folder, path, shown, mounts);
  throw Error::system(errno, "opening the folder " + shown);
}

std::vector<std::string> entries_of(int folder, const std::string& shown, std::size_t limit) {
  // A descriptor of its own: a stream's close takes its descriptor along, and dup() would share the position.
  Fd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(own ? ::fdopendir(own.get()) : nullptr, &::closedir);
  if (!stream) throw Error::system(errno, "reading the folder " + shown);
  own.release();
  std::vector<std::string> names;
  while (names.size() < limit) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) {
      if (errno != 0) throw Error::system(errno, "reading the folder " + shown);
      break;
    }
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace mgmt::file
