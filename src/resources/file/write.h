// SPDX-License-Identifier: GPL-3.0-or-later
// How one entry appears whole: it is made under a temporary name beside its place, gets content, owner,
// attributes and mode, and is renamed. A crash leaves the old or the new one, and at no moment is anything
// readable wider than its final mode.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "src/base/fd.h"
#include "src/resources/file/bytes.h"
#include "src/resources/file/mode.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

constexpr uid_t kAsFound = static_cast<uid_t>(-1);

struct Attributes {
  /// None: as found, or `fallback` for what is new.
  const Mode* mode = nullptr;
  mode_t fallback = 0644;
  uid_t owner = kAsFound;
  gid_t group = kAsFound;
};

/// What is at a place now, as lstat shows it.
struct Found {
  struct stat status;
  /// Open if it is a file that is to be replaced with its attributes kept.
  Fd file;
};

/// All of these throw Error, and Raced if what is at the place isn't `found` (null: nothing) any more; nothing is
/// changed then. What stands there is replaced, with what it holds if it is a folder. They return the status as they
/// left it; if somebody else was at it since, that is not the present one.
struct stat write_file(const Spot& spot, Bytes& bytes, const Attributes& attributes, const Found* found);
struct stat make_folder(const Spot& spot, const Attributes& attributes, const Found* found);
struct stat make_link(const Spot& spot, const std::string& target, const Attributes& attributes, const Found* found);

/// Sets owner, group and mode of what is there, in place.
struct stat change_attributes(const Spot& spot, const Attributes& attributes, const Found& found);

/// What is at the place, none if nothing. Throws Error.
std::optional<Found> look(const Spot& spot);

}  // namespace mgmt::file
