// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/overwritten.h"

#include <cerrno>

#include "src/base/path.h"
#include "src/resources/drafts.h"
#include "src/resources/file/describe.h"
#include "src/resources/file/folder.h"

namespace mgmt::file {

void Overwritten::keep(const Spot& spot, const Found& found, const std::string& sha256) const {
  if (S_ISREG(found.status.st_mode)) {
    if (found.status.st_size == 0) return;
    Fd own;
    if (!found.file) own = open_file(spot);
    int file = found.file ? found.file.get() : own.get();
    struct stat status{};
    if (::fstat(file, &status) != 0) throw Error::system(errno, "looking at " + spot.shown);
    if (!same_version(status, found.status)) throw Raced(spot.shown);
    return keeper_.keep({.resource = resource_, .path = spot.shown, .file = file, .status = status, .sha256 = sha256});
  }
  if (!S_ISDIR(found.status.st_mode)) return;
  std::size_t count = 0;
  keep_inside(spot, count);
  if (count > kMost) keeper_.tell_unkept(spot.shown, count - kMost);
}

void Overwritten::keep_inside(const Spot& spot, std::size_t& count) const {
  Fd folder = open_folder(spot);
  for (const std::string& name : entries_of(folder.get(), spot.shown)) {
    Spot inner{.folder = folder.get(), .name = name.c_str(), .shown = join_path(spot.shown, name)};
    std::optional<Found> found = look(inner);
    if (!found || drafts::is_name(name)) continue;
    if (S_ISDIR(found->status.st_mode)) keep_inside(inner, count);
    else if (S_ISREG(found->status.st_mode) && ++count <= kMost) keep(inner, *found);
  }
}

}  // namespace mgmt::file
