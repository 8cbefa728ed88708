// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/left.h"

#include <fmt/format.h>

namespace mgmt::state {

std::string identity_of(const struct stat& status) {
  if (S_ISDIR(status.st_mode)) return fmt::format("folder:{}:{}", status.st_dev, status.st_ino);
  return fmt::format("{}:{}:{}:{}:{}",
                     S_ISREG(status.st_mode)   ? "file"
                     : S_ISLNK(status.st_mode) ? "link"
                                               : "other",
                     status.st_dev, status.st_ino, status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec,
                     status.st_size);
}

std::string identity_of(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? identity_of(status) : "";
}

}  // namespace mgmt::state
