// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/remove.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/resources/file/folder.h"

namespace mgmt::file {
namespace {

enum class Is { Folder, Other, Mount };

Is look_at(const Spot& spot) {
  struct statx status{};
  if (::statx(spot.folder, spot.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) throw Raced(spot.shown);
    throw Error::system(errno, "looking at " + spot.shown);
  }
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return Is::Mount;
  return S_ISDIR(status.stx_mode) ? Is::Folder : Is::Other;
}

// Of a name in an open folder the mount counts as well; what leads to the first one is the declaration's.
Fd open_to_empty(const Spot& spot) {
  if (spot.folder == AT_FDCWD) return open_folder(spot);
  return open_below(spot.folder, spot.name, spot.shown, Mounts::Stay);
}

}  // namespace

std::string absolute_path(const Spot& spot) {
  if (spot.folder == AT_FDCWD) return spot.name;
  std::error_code failure;
  std::filesystem::path folder = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", spot.folder), failure);
  if (failure) throw Error::system(failure.value(), "looking for the folder of " + spot.shown);
  return join_path(folder.string(), spot.name);
}

std::uint64_t count_removals(const Spot& spot, Inside inside) {
  Is is = look_at(spot);
  if (is == Is::Mount) throw OtherMount(spot.shown);
  std::uint64_t count = 1;
  if (inside == Inside::MustBeEmpty || is != Is::Folder) return count;
  Fd folder = open_to_empty(spot);
  for (const std::string& name : entries_of(folder.get(), spot.shown)) {
    try {
      count +=
          count_removals({.folder = folder.get(), .name = name.c_str(), .shown = join_path(spot.shown, name)}, inside);
    } catch (const Raced&) {
      // It went by itself, or became something else: the removal looks at it again.
    }
  }
  return count;
}

void remove_entry(const Spot& spot, Inside inside) {
  Is is = look_at(spot);
  if (is == Is::Mount) throw OtherMount(spot.shown);
  if (is == Is::Other) {
    if (::unlinkat(spot.folder, spot.name, 0) == 0) return;
    if (errno == ENOENT || errno == EISDIR || errno == ENOTDIR) throw Raced(spot.shown);
    throw Error::system(errno, "removing " + spot.shown);
  }
  if (inside == Inside::Remove) {
    Fd folder = open_to_empty(spot);
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
