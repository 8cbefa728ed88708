// SPDX-License-Identifier: GPL-3.0-or-later
// NameLock: a name that one process at a time has, without any database: the file <prefix>/db/presence/<name>
// held open under a lock, which the kernel ends with the process, after kill -9 too.
//
// The lock is an open file description lock (fcntl(2), F_OFD_SETLK) where flock would do as well, but for one thing:
// only this one can be looked at without being taken, so that who lists the names is in nobody's way.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/world/world.h"

namespace mgmt::world::local {

class NameLock {
 public:
  /// The name, or who has it; an Error where the file can't be had.
  static Result<std::variant<NameLock, Holder>> claim(const std::string& prefix, const std::string& name);

  NameLock(NameLock&&) = default;
  NameLock& operator=(NameLock&&) = delete;
  /// Gives the name back.
  ~NameLock();

 private:
  explicit NameLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

/// "<prefix>/db/presence", created if missing; throws Error.
std::string ensure_presence_folder(const std::string& prefix);

/// The names that are taken now, sorted; throws Error.
std::vector<std::string> taken_names(const std::string& prefix);

}  // namespace mgmt::world::local
