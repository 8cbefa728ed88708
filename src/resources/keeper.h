// SPDX-License-Identifier: GPL-3.0-or-later
// Keeper: keeps content that mgmt didn't write before it is overwritten or removed, so that it can be brought back.
// Called by any thread that is about to do so; may block.
#pragma once

#include <sys/stat.h>

#include <string>

namespace mgmt {

class Keeper {
 public:
  virtual ~Keeper() = default;

  struct Old {
    /// The resource that is about to change it.
    const std::string& resource;
    /// Where it is, for messages.
    const std::string& path;
    /// A regular file, open to be read; its position is anybody's.
    int file = -1;
    const struct stat& status;
    /// Of the content in hex, if it is known.
    std::string sha256 = {};
  };
  /// Returns once it is kept, was kept before, is what mgmt itself left there, or is larger than what is kept (which is
  /// said). Throws Error where it can't be: then the old file has to stay.
  virtual void keep(const Old& old) = 0;
  /// That so many more files of a folder go without being kept.
  virtual void tell_unkept(const std::string& folder, std::size_t count) = 0;
};

}  // namespace mgmt
