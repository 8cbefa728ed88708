// SPDX-License-Identifier: GPL-3.0-or-later
// FileWatcher: what is mounted on a watched path, and file systems that don't tell of every change.
#include <fmt/format.h>
#include <sys/inotify.h>

#include <algorithm>
#include <utility>

#include "src/base/path.h"
#include "src/events/inotify/state.h"

namespace mgmt::events {

// When another inode is watched: it may stand on another file system.
void FileWatcher::State::classify(Folder& folder) {
  std::string_view name = file_systems.incomplete_at(folder.path);
  folder.incomplete = !name.empty();
  if (!folder.incomplete) {
    incomplete.erase(&folder);
    return;
  }
  incomplete.insert(&folder);
  if (!incomplete_timer.pending()) incomplete_timer.after(tuning.incomplete_interval, [this] { look_at_incomplete(); });
  if (folder.parent && folder.parent->incomplete) return;
  std::string mount = mounts.table().mount_of(real_path(folder.path));
  if (said_incomplete.insert(mount).second)
    warn(fmt::format("{} ({}) doesn't tell of every change: what lies there is looked at every {} s", mount, name,
                     std::chrono::duration_cast<std::chrono::seconds>(tuning.incomplete_interval).count()));
}

void FileWatcher::State::look_at_incomplete() {
  Busy busy(*this);
  std::vector<Folder*> topmost;
  for (Folder* folder : incomplete)
    if (!folder->parent || !folder->parent->incomplete) topmost.push_back(folder);
  for (Folder* folder : topmost) {
    arm_subtree(*folder);
    notify_subtree(*folder, Event::Anything, Why::Poll);
  }
  if (incomplete.empty()) incomplete_timer.cancel();
  else incomplete_timer.after(tuning.incomplete_interval, [this] { look_at_incomplete(); });
  dispatch();
}

void FileWatcher::State::on_mounts(const std::vector<std::string>& points) {
  Busy busy(*this);
  file_systems.forget();
  // The table has real paths; ours may lead through links.
  std::vector<std::pair<std::string, std::string>> leads;
  for (const Folder* link : links)
    if (std::string real = real_path(link->path); !real.empty()) leads.emplace_back(link->path, std::move(real));
  for (const std::string& point : points) {
    look_at_mount(point);
    for (const auto& [written, real] : leads)
      if (point != real && is_within(point, real))
        look_at_mount(join_path(written, std::string_view(point).substr(real == "/" ? 1 : real.size() + 1)));
  }
  dispatch();
}

// As if it had just appeared.
void FileWatcher::State::look_at_mount(const std::string& point) {
  if (point == "/") {
    arm_subtree(root);
    notify_subtree(root, Event::Way, Why::Event);
  } else if (Folder* folder = find_folder(parent_path(point))) {
    on_name(*folder, {.mask = IN_CREATE | IN_ISDIR}, base_name(point));
  }
}

void Entry::watch_itself() {
  const MountTable& table = state.mounts.table();
  bool mounted = false;
  if (table.may_be_mount_point(name)) {
    std::string real = real_path(folder->path);
    mounted = !real.empty() && table.is_mount_point(join_path(real, name));
  }
  if (!mounted) return unwatch_itself();
  // A path that has lost its watch, or that others may take the same inode for, is added once more: that costs nothing.
  if (!state.open_inotify()) return unwatch_itself();
  int wd = state.inotify->add(path(), IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE | IN_DONT_FOLLOW).id;
  if (more && more->wd == wd) return;
  unwatch_itself();
  if (wd < 0) return;  // gone again, which the table tells; or no watch is left, which its folder has noticed
  ensure_more().wd = wd;
  state.self_by_wd[wd].push_back(this);
}

void Entry::unwatch_itself() {
  if (!more || more->wd < 0) return;
  int wd = std::exchange(more->wd, -1);
  auto found = state.self_by_wd.find(wd);
  if (found == state.self_by_wd.end()) return;
  std::erase(found->second, this);
  if (!found->second.empty()) return;
  state.self_by_wd.erase(found);
  state.remove_watch(wd, path());
}

}  // namespace mgmt::events
