// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/remove.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/resources/file/folder.h"

namespace mgmt::file {
namespace {

bool is_mount_point(const Spot& spot) {
  struct statx status{};
  if (::statx(spot.folder, spot.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) {
    if (errno == ENOENT) throw Raced(spot.shown);
    throw Error::system(errno, "looking at " + spot.shown);
  }
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool is_folder(const Spot& spot) {
  struct stat status{};
  if (::fstatat(spot.folder, spot.name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) throw Raced(spot.shown);
    throw Error::system(errno, "looking at " + spot.shown);
  }
  return S_ISDIR(status.st_mode);
}

}  // namespace

void refuse_mounts(const Spot& spot, Inside inside) {
  if (is_mount_point(spot))
    throw Error(spot.shown + " is a mount point: removing it would remove what is mounted").hint("unmount it first");
  if (inside == Inside::MustBeEmpty || !is_folder(spot)) return;
  Fd folder = open_folder(spot);
  for (const std::string& name : entries_of(folder.get(), spot.shown))
    refuse_mounts({.folder = folder.get(), .name = name.c_str(), .shown = join_path(spot.shown, name)}, inside);
}

void remove_entry(const Spot& spot, Inside inside) {
  if (!is_folder(spot)) {
    if (::unlinkat(spot.folder, spot.name, 0) == 0) return;
    if (errno == ENOENT || errno == EISDIR) throw Raced(spot.shown);
    throw Error::system(errno, "removing " + spot.shown);
  }
  if (inside == Inside::Remove) {
    if (is_mount_point(spot)) throw Error(spot.shown + " is a mount point").hint("unmount it first");
    Fd folder = open_folder(spot);
    for (const std::string& name : entries_of(folder.get(), spot.shown)) {
      try {
        remove_entry({.folder = folder.get(), .name = name.c_str(), .shown = join_path(spot.shown, name)}, inside);
      } catch (const Raced&) {
        // It went by itself; if something came instead, the folder isn't empty below.
      }
    }
  }
  if (::unlinkat(spot.folder, spot.name, AT_REMOVEDIR) == 0) return;
  if (errno == ENOENT || errno == ENOTDIR) throw Raced(spot.shown);
  if (errno == ENOTEMPTY || errno == EEXIST) {
    if (inside == Inside::Remove) throw Raced(spot.shown);
    throw Error("the folder " + spot.shown + " isn't empty").hint("`recurse: true` removes it with all that it holds");
  }
  throw Error::system(errno, "removing " + spot.shown);
}

bool is_empty_folder(const Spot& spot) {
  Fd folder = open_folder(spot);
  return entries_of(folder.get(), spot.shown, 1).empty();
}

}  // namespace mgmt::file
