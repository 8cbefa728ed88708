// SPDX-License-Identifier: GPL-3.0-or-later
// Protection: the paths of `limits: protect`, at and below which nothing changes, however they are reached.
#pragma once

#include <string>
#include <vector>

#include "src/resources/declaration.h"
#include "src/value/delta.h"

namespace mgmt::cli {

class Protection {
 public:
  /// Clean paths.
  explicit Protection(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  bool any() const { return !paths_.empty(); }

  /// What the Delta would change at or below a protected path, or removes with what holds it; as declared. Asks the
  /// file system where symlinks lead, so it may block. From any thread.
  std::vector<std::string> touched(const Declaration& declaration, const Delta& delta) const;

 private:
  std::vector<std::string> paths_;
};

}  // namespace mgmt::cli
