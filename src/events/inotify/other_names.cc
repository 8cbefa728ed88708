// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/path.h"
#include "src/events/inotify/state.h"

namespace mgmt::events {
namespace {

// The one that was asked for, if this is what a link of it points to.
const Entry& origin_of(const Entry& entry) {
  const Entry* at = &entry;
  while (at->more && at->more->followed_by) at = at->more->followed_by;
  return *at;
}

const Entry& target_of(const Entry& entry) {
  const Entry* at = &entry;
  while (at->more && at->more->target_watch) at = static_cast<const Entry*>(at->more->target_watch.get());
  return *at;
}

}  // namespace

// The kernel has one watch a folder, by whatever path it was asked for.
bool FileWatcher::has_other_names() const { return state_->armed > state_->by_wd.size() || state_->followed > 0; }

std::vector<FileWatcher::OtherName> FileWatcher::other_names(const std::string& path) const {
  std::vector<OtherName> names;
  if (!has_other_names()) return names;
  auto look_at = [&](const Folder& folder, const std::string& name, bool here_leads) {
    auto [begin, end] = folder.entries.equal_range(name);
    for (auto it = begin; it != end; ++it) {
      const Entry& origin = origin_of(*it->second);
      if (std::string other = origin.path(); other != path)
        names.push_back({.path = std::move(other), .here_leads = here_leads, .there_leads = &origin != it->second});
    }
  };
  auto look_around = [&](const Folder& folder, const std::string& name, bool here_leads) {
    look_at(folder, name, here_leads);
    if (folder.wd < 0) return;
    for (const Folder* other : state_->by_wd.at(folder.wd)) {
      if (other == &folder) continue;
      look_at(*other, name, here_leads);
      for (const Entry* tree : other->trees)
        names.push_back({.path = origin_of(*tree).path(), .tree = true, .here_leads = here_leads});
    }
  };
  const Folder* folder = state_->find_folder(parent_path(path));
  if (!folder) return names;
  std::string name = base_name(path);
  look_around(*folder, name, false);
  auto [begin, end] = folder->entries.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    const Entry& target = target_of(*it->second);
    if (&target != it->second && &origin_of(*it->second) == it->second) look_around(*target.folder, target.name, true);
  }
  return names;
}

}  // namespace mgmt::events
