// SPDX-License-Identifier: GPL-3.0-or-later
// Where a tree and another resource meet: a single file that is declared by itself is that one's, and the tree passes
// over it; what both would write, or one write and the other remove, is an error that names both.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "src/resources/resource.h"

namespace mgmt::file {

class Overlap {
 public:
  /// `managed` may be null: nothing is known of others.
  explicit Overlap(const ManagedPaths* managed) : managed_(managed) {}

  /// The tree has an entry of this type at `path` (clean). Throws Error if somebody else would write or remove it.
  void check(const std::string& path, mode_t type) const;
  /// Somebody declares exactly this path.
  bool is_declared(const std::string& path) const { return managed_ && managed_->find(path); }
  /// Somebody declares something below the folder.
  bool is_declared_below(const std::string& folder) const { return managed_ && !managed_->below(folder).empty(); }
  /// What the folder holds is another one's to fill.
  bool is_filled(const std::string& folder) const;

  /// For as long as it lives, the tree is at or below the folder.
  class Inside {
   public:
    Inside(Overlap& overlap, const std::string& folder);
    ~Inside() {
      if (entered_) overlap_.inner_.pop_back();
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Overlap& overlap_;
    bool entered_ = false;
  };
  /// It is in a folder that another resource fills.
  bool inside_another() const { return !inner_.empty(); }

 private:
  [[noreturn]] void refuse(const std::string& path, const ManagedPaths::One& other, const char* does) const;

  const ManagedPaths* managed_;
  std::vector<const ManagedPaths::One*> inner_;
};

}  // namespace mgmt::file
