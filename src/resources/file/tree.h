// SPDX-License-Identifier: GPL-3.0-or-later
// Trees: a folder that is to hold what another one holds (`source`), and, with `purge`, nothing else. Every step
// below the folder goes by descriptors and through no symlink.
#pragma once

#include <optional>
#include <string>

#include "src/resources/file/overwritten.h"
#include "src/resources/resource.h"
#include "src/resources/unsynced.h"

namespace mgmt::file {

struct Tree {
  /// The managed folder, clean.
  const std::string& path;
  /// The folder to be copied, clean; "" for a purge alone.
  std::string source;
  bool purge = false;
  bool force = false;
  /// Where it is; null: at `path`.
  const Spot* at = nullptr;
  /// As in params.h.
  std::optional<bool> show_diff = {};
  /// Has what goes before it goes; only for apply_tree.
  const Overwritten* overwritten = nullptr;
  /// What other resources manage; null: not known, so nothing is purged.
  const ManagedPaths* managed = nullptr;
};

/// Appends what differs, each entry as one Change with its path below the folder as `item`: parents first, removals
/// after what is copied. Throws Error before anything could go wrong halfway: an unreadable source, something of
/// another type in the way, a mount point that would be purged, what another resource writes too.
void compare_tree(const Tree& tree, const Inputs& inputs, Delta& delta);

/// Makes the changes that have an `item`, in the open folder `root`; `unsynced` is told of each path. Many files that
/// replace others get to the disk together before they take their places.
void apply_tree(const Tree& tree, int root, const Delta& delta, Unsynced& unsynced);

}  // namespace mgmt::file
