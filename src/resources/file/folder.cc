// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/folder.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

namespace mgmt::file {

Fd open_folder(const Spot& spot) {
  Fd fd(::openat(spot.folder, spot.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (fd) return fd;
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) throw Raced(spot.shown);
  throw Error::system(errno, "opening the folder " + spot.shown);
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
