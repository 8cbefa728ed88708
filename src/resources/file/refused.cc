// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/refused.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

#include "src/base/path.h"

namespace mgmt::file {
namespace {

std::uint64_t attributes_of(int folder, const char* name) {
  struct statx status{};
  if (::statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) return 0;
  return status.stx_attributes & status.stx_attributes_mask;
}

// `why` gets what stands against a change; false if nothing is known to.
bool stands_against(std::uint64_t attributes, const std::string& path, Error& error, const std::string& doing) {
  bool immutable = (attributes & STATX_ATTR_IMMUTABLE) != 0;
  if (!immutable && (attributes & STATX_ATTR_APPEND) == 0) return false;
  error = Error(fmt::format("{}: {} is {} (chattr +{})", doing, path, immutable ? "immutable" : "append-only",
                            immutable ? 'i' : 'a'))
              .hint(fmt::format("`chattr -{} {}` lets it be changed", immutable ? 'i' : 'a', path));
  return true;
}

}  // namespace

Error refused(int failure, const std::string& doing, const Spot& spot) {
  Error error = Error::system(failure, doing);
  if (failure != EPERM) return error;
  if (stands_against(attributes_of(spot.folder, spot.name), spot.shown, error, doing)) return error;
  std::string folder = parent_path(spot.shown);
  stands_against(attributes_of(AT_FDCWD, folder.c_str()), folder, error, doing);
  return error;
}

}  // namespace mgmt::file
