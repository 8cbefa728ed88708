// SPDX-License-Identifier: GPL-3.0-or-later
// Trust: whether what root runs could have been written by somebody else. As sshd does with keys: the file, each folder
// on its path and each link on the way belong to root, and nobody else may write them.
//
//   if (auto wrong = trust.judge("/srv/web.yaml")) return complain(*wrong);
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "src/base/error.h"

namespace mgmt::cli {

class Trust {
 public:
  /// Trusts everything.
  Trust() = default;
  /// Root trusts itself, and, while its terminal's foreground is ours, the one who called sudo. Others trust what they
  /// name: nothing can be done in it that they couldn't do themselves. `everything`: --trust-file.
  static Trust of_this_process(bool everything = false);
  /// Of root: itself, and `friend_of_root`.
  static Trust of_root(std::optional<uid_t> friend_of_root = std::nullopt);

  /// Why `path` can't be relied on. What can't be found is left to who reads it. Asks the file system.
  std::optional<Error> judge(const std::string& path) const;

 private:
  std::optional<Error> judge_entry(const std::string& path, const std::string& entry, const struct stat& status) const;
  bool is_trusted(uid_t owner) const;

  bool strict_ = false;
  std::optional<uid_t> friend_;
  /// Whom owners are shown as that our user namespace doesn't know.
  std::optional<uid_t> unmapped_;
};

}  // namespace mgmt::cli
