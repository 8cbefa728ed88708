// SPDX-License-Identifier: GPL-3.0-or-later
// Taking things away: by descriptors of folders, never through a symlink, never across a mount, whoever moves what
// meanwhile. Spot and Raced are what everything here that touches the file system shares.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "src/base/error.h"

namespace mgmt::file {

/// Where an entry is, or shall be.
struct Spot {
  /// The folder that `name` is in; AT_FDCWD with an absolute name.
  int folder = AT_FDCWD;
  const char* name;
  /// The whole path, for messages.
  std::string shown;
};

/// Its path as it is now, for others who need one.
std::string absolute_path(const Spot& spot);

/// Somebody else was faster: what was found isn't so any more. Look again.
class Raced : public Error {
 public:
  explicit Raced(const std::string& shown) : Error(shown + " is being changed by somebody else at the same time") {}
};

/// What a folder that goes holds: it must be empty, or goes with it.
enum class Inside { MustBeEmpty, Remove };

/// How many entries would go with this one, itself included. Throws Error if it is a mount point, or (Inside::Remove)
/// holds one: to be asked before anything goes.
std::uint64_t count_removals(const Spot& spot, Inside inside);

inline void refuse_mounts(const Spot& spot, Inside inside) { count_removals(spot, inside); }

/// Removes a file, link or folder. Throws Error; Raced if it is gone.
void remove_entry(const Spot& spot, Inside inside);

/// True if the folder has no entry.
bool is_empty_folder(const Spot& spot);

}  // namespace mgmt::file
