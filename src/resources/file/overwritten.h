// SPDX-License-Identifier: GPL-3.0-or-later
// What is about to be overwritten or removed goes through here, so that the Keeper has it first.
#pragma once

#include <string>

#include "src/resources/file/write.h"
#include "src/resources/keeper.h"

namespace mgmt::file {

class Overwritten {
 public:
  /// `resource` is who is about to do it.
  Overwritten(Keeper& keeper, std::string resource) : keeper_(keeper), resource_(std::move(resource)) {}

  /// What is at the spot: a regular file, or, of a folder that goes with all that it holds, the regular files in it (no
  /// more than a thousand: the rest is said). Everything else holds nothing. `sha256` is the content's, if known.
  /// Throws Error: then nothing may be changed.
  void keep(const Spot& spot, const Found& found, const std::string& sha256 = {}) const;

 private:
  static constexpr std::size_t kMost = 1000;
  void keep_inside(const Spot& spot, std::size_t& count) const;

  Keeper& keeper_;
  std::string resource_;
};

}  // namespace mgmt::file
