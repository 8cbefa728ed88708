// SPDX-License-Identifier: GPL-3.0-or-later
// Disk: a small folder of our own, what stands in it, and what somebody does there with plain system calls. Nothing
// here is the product's: it is what the product is measured by. Paths are relative to the folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fuzz/files/choices.h"

namespace mgmt::fuzz {

/// The names in a folder, sorted; none where there is no folder.
std::vector<std::string> names_in(const std::string& folder);
/// What a symlink says; "" where there is none.
std::string text_of_link(const std::string& path);

struct Node {
  std::uint64_t device = 0, inode = 0, mount = 0;
  mode_t mode = 0;
  /// The content of a file, the target of a link.
  std::string holds;
  std::uint32_t links = 0;

  mode_t type() const;
  bool is_folder() const;
  bool is_file() const;
  bool is_link() const;
  bool same_inode(const Node& other) const { return device == other.device && inode == other.inode; }
};

/// All that there is, without following a link.
using Snapshot = std::map<std::string, Node>;

/// One thing that somebody does.
struct Operation {
  /// After so many moments in which it could have been done.
  unsigned gap = 0;
  unsigned kind = 0;
  std::string path, other;
  unsigned which = 0;
};
/// At one of `paths`, or of those that there are at first.
Operation choose_operation(Choices& choices, const std::vector<std::string>& paths);

class Disk {
 public:
  /// In a mount namespace of its own, if it can have one; else without operations that mount.
  Disk();
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const std::string& folder() const { return folder_; }
  std::string full(const std::string& path) const { return folder_ + "/" + path; }

  /// Back to what each history begins with.
  void reset();
  Snapshot look() const;
  /// Where the entry at a path stands once the links on the way are followed, and with `follow` those at it.
  std::string place_of(const std::string& path, bool follow = false) const;
  /// In words, with what came of it.
  std::string perform(const Operation& operation);

 private:
  void look_below(const std::string& path, Snapshot& into) const;
  void remove_all(const std::string& path) const;
  int call(const Operation& operation);
  bool enter_namespace();

  std::string folder_;
  bool mounts_ = false;
  std::vector<std::string> mounted_;
};

/// For a person; null: nothing is there.
std::string describe(const Node* node);

}  // namespace mgmt::fuzz
