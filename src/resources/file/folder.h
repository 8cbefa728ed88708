// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "src/base/fd.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

/// Opens a folder to be read, never through a symlink. Throws Error; Raced where there is none (any more).
Fd open_folder(const Spot& spot);

/// Whether a step into a folder may lead to another mount (also a bind mount of the same file system).
enum class Mounts { Cross, Stay };

/// Opens the folder `path` (one name or several) below the open one, in one step: through no symlink on the way, and
/// never out of it, whatever is moved meanwhile. Throws Error; Raced where there is none (any more); OtherMount.
Fd open_below(int folder, const std::string& path, const std::string& shown, Mounts mounts);

/// What lies there is mounted.
class OtherMount : public Error {
 public:
  explicit OtherMount(const std::string& shown)
      : Error(Error(shown + " is a mount point: removing it would remove what is mounted").hint("unmount it first")) {}
};

/// The names in an open folder, sorted; stops after `limit` of them. Throws Error naming `shown`.
std::vector<std::string> entries_of(int folder, const std::string& shown, std::size_t limit = SIZE_MAX);

}  // namespace mgmt::file
