// SPDX-License-Identifier: GPL-3.0-or-later
// MountTable: what is mounted where, at one moment, as /proc/self/mountinfo says it (proc(5)). Asks nothing.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace mgmt::events {

class MountTable {
 public:
  MountTable() = default;
  /// The text of mountinfo; lines that aren't understood are passed over.
  explicit MountTable(std::string_view text);

  /// Where the two differ: the points at which something was mounted, unmounted, moved, or mounted anew with other
  /// options. Sorted; what lies below another one of them is left out.
  std::vector<std::string> changed_since(const MountTable& before) const;

  /// All mount points but the root's.
  std::vector<std::string> points() const;

  /// `path` is clean and free of links, as the kernel's own are.
  bool is_mount_point(const std::string& path) const { return points_.contains(path); }
  /// The mount point that `path` lies below, or is.
  std::string mount_of(std::string path) const;
  /// False: nothing with that last component is a mount point. Without a path having to be made for it.
  bool may_be_mount_point(std::string_view name) const { return names_.contains(name); }

 private:
  struct Mount {
    std::string line;
    std::string point;
    auto operator<=>(const Mount&) const = default;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<Mount> mounts_;  // sorted
  std::unordered_set<std::string> points_;
  std::unordered_set<std::string, Hash, std::equal_to<>> names_;
};

}  // namespace mgmt::events
