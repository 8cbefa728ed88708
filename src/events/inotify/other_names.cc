// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/path.h"
#include "src/events/inotify/state.h"

namespace mgmt::events {

// The kernel has one watch a folder, by whatever path it was asked for.
bool FileWatcher::has_other_names() const { return state_->armed > state_->by_wd.size(); }

std::vector<FileWatcher::OtherName> FileWatcher::other_names(const std::string& path) const {
  std::vector<OtherName> names;
  const Folder* folder = has_other_names() ? state_->find_folder(parent_path(path)) : nullptr;
  if (!folder || folder->wd < 0) return names;
  std::string name = base_name(path);
  for (const Folder* other : state_->by_wd.at(folder->wd)) {
    if (other == folder) continue;
    if (other->entries.contains(name)) names.push_back({join_path(other->path, name)});
    for (const Entry* tree : other->trees) names.push_back({tree->path(), true});
  }
  return names;
}

}  // namespace mgmt::events
