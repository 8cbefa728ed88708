// SPDX-License-Identifier: GPL-3.0-or-later
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <utility>

#include "src/base/path.h"
#include "src/events/inotify/state.h"

namespace mgmt::events {

std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> real;
  return ::realpath(path.c_str(), real.data()) ? real.data() : std::string();
}

std::string read_link(const std::string& path) {
  std::array<char, 4096> buffer;
  ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (size <= 0) return {};
  std::string target(buffer.data(), static_cast<std::size_t>(size));
  if (target.starts_with('/')) return target;
  // Relative to where the link really stands: ".." behind another link goes up from that one's target.
  std::string parent = real_path(parent_path(path));
  return join_path(parent.empty() ? parent_path(path) : parent, target);
}

Entry::~Entry() {
  if (state.closing) return;
  FileWatcher::State::Busy busy(state);
  if (state.telling == this) state.telling = nullptr;
  if (pending_at != UINT32_MAX) state.pending[pending_at] = nullptr;
  if (more) {
    unwatch_itself();
    if (more->followed_by) --state.followed;
    more->target_watch.reset();
    std::vector<Folder*> tree = std::move(more->tree);
    for (Folder* part : tree) std::erase(part->trees, this);
    for (Folder* part : tree) state.release(part);
  }
  auto [begin, end] = folder->entries.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (it->second == this) {
      folder->entries.erase(it);
      break;
    }
  }
  state.release(folder);
}

void Entry::resolve() {
  if (!options.follow) return;
  std::string target = read_link(path());
  if (target.empty()) {
    if (more) {
      more->target.clear();
      state.bury(std::move(more->target_watch));
    }
    return;
  }
  if ((more && more->target == target) || state.link_depth >= kMaxLinks) return;
  ++state.link_depth;
  ++state.followed;
  auto watch = std::make_unique<Entry>(state, options, [this](FileWatcher::Event event) { call(event); });
  std::string clean = clean_path(target);
  watch->folder = &state.ensure_folder(parent_path(clean));
  watch->name = base_name(clean);
  watch->folder->entries.emplace(watch->name, watch.get());
  watch->ensure_more().followed_by = this;
  state.want_content(*watch->folder);
  watch->watch_itself();
  watch->resolve();
  if (options.recursive) watch->rebuild_tree();
  if (options.only_changes) watch->take_stamp();
  --state.link_depth;
  More& m = ensure_more();
  m.target = std::move(target);
  state.bury(std::exchange(m.target_watch, std::move(watch)));
}

void Entry::walk(const std::string& at, std::vector<Folder*>& into) {
  Folder& part = state.ensure_folder(at);
  if (std::ranges::find(part.trees, this) == part.trees.end()) part.trees.push_back(this);
  into.push_back(&part);
  state.want_content(part);
  DIR* dir = ::opendir(at.c_str());
  if (!dir) return;  // gone again, which its parent's watch tells; or unreadable, which arm() has noticed
  std::vector<std::string> below;
  while (const dirent* item = ::readdir(dir)) {
    std::string_view item_name = item->d_name;
    if (item_name == "." || item_name == "..") continue;
    bool is_folder = item->d_type == DT_DIR;
    if (item->d_type == DT_UNKNOWN) {
      struct stat st{};
      is_folder = ::lstat(join_path(at, item_name).c_str(), &st) == 0 && S_ISDIR(st.st_mode);
    }
    if (is_folder) below.push_back(join_path(at, item_name));
  }
  ::closedir(dir);
  for (const std::string& child : below) walk(child, into);
}

void Entry::rebuild_tree() {
  FileWatcher::State::Busy busy(state);
  stale_tree = false;
  More& m = ensure_more();
  std::vector<Folder*> old = std::move(m.tree);
  m.tree.clear();
  std::string top = path();
  struct stat st{};
  if (::lstat(top.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) walk(top, m.tree);
  // The old parts are let go only now, so that what stays keeps its kernel watch.
  std::unordered_set<Folder*> kept(m.tree.begin(), m.tree.end());
  std::erase_if(old, [&](Folder* part) { return kept.contains(part); });
  for (Folder* part : old) std::erase(part->trees, this);
  for (Folder* part : old) state.release(part);
}

void Entry::tell(Happened what, std::string_view folder_below, std::string_view name_below) {
  bool same = happened.mask != 0 && happened.length == what.length;
  if (what.length == Happened::kBelow) {
    // Its room is used again.
    std::string& at = ensure_more().below;
    std::size_t size = folder_below.size();
    same =
        same && at.size() == size + 1 + name_below.size() && at.starts_with(folder_below) && at.ends_with(name_below);
    if (!same) at.assign(folder_below).append("/").append(name_below);
  }
  if (same) happened.mask |= what.mask;
  else happened = what;
}

}  // namespace mgmt::events
