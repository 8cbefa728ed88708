// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/file_watcher.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "src/base/path.h"
#include "src/events/inotify/state.h"

namespace mgmt::events {
namespace {

constexpr std::uint32_t kStructure =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
// IN_CLOSE_WRITE is for who writes through a mapping, which IN_MODIFY doesn't tell, and the times of the file tell only
// of the first write to a page.
constexpr std::uint32_t kContent = IN_MODIFY | IN_CLOSE_WRITE;
constexpr std::uint32_t kAppearedOrWent = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
std::string_view last_component(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

FileWatcher::State::State(Loop& loop_in, std::function<void(std::string)> warn_in, Tuning tuning_in)
    : loop(loop_in),
      warn(std::move(warn_in)),
      poll_timer(loop_in),
      tuning(tuning_in),
      file_systems(tuning.incomplete_names),
      incomplete_timer(loop_in),
      mounts(loop_in, [this](const std::vector<std::string>& points) { on_mounts(points); }) {
  root.path = "/";
  open_inotify();
}

void FileWatcher::State::open_inotify() {
  inotify = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (inotify)
    readable = Loop::FdWatch(loop, inotify.get(), [this] {
      // Bounded, so that a storm of events doesn't keep timers and signals waiting.
      read_events(16);
    });
}

void FileWatcher::State::cannot_watch(Folder& folder, int failure) {
  folder.unwatchable = true;
  unwatchable.insert(&folder);
  if (failure == EACCES) {
    if (!std::exchange(warned_access, true))
      warn(
          fmt::format("{} can't be watched (no permission to read the folder): what lies below is looked at every {} s",
                      folder.path, std::chrono::duration_cast<std::chrono::seconds>(kPollInterval).count()));
  } else if (!std::exchange(warned, true)) {
    warn(fmt::format("no inotify {} left (see {}): what can't be watched is looked at every {} s",
                     inotify ? "watches" : "instances",
                     inotify ? "fs.inotify.max_user_watches" : "fs.inotify.max_user_instances",
                     std::chrono::duration_cast<std::chrono::seconds>(kPollInterval).count()));
  }
  if (!poll_timer.pending()) poll_timer.after(kPollInterval, [this] { poll(); });
}

void FileWatcher::State::disarm(Folder& folder) {
  if (folder.wd < 0) return;
  int wd = std::exchange(folder.wd, -1);
  auto it = by_wd.find(wd);
  if (it == by_wd.end()) return;
  armed -= std::erase(it->second, &folder);
  if (it->second.empty()) {
    by_wd.erase(it);
    remove_watch(wd);
  }
}

// Unless somebody else still needs it.
void FileWatcher::State::remove_watch(int wd) {
  if (!by_wd.contains(wd) && !self_by_wd.contains(wd)) ::inotify_rm_watch(inotify.get(), wd);
}

void FileWatcher::State::arm(Folder& folder) {
  // The link first: once its target's path is watched, a change after the watch below is seen.
  std::string target = folder.parent ? read_link(folder.path) : std::string();
  if (target != folder.link_target) {
    folder.link_target = target;
    if (target.empty()) links.erase(&folder);
    else links.insert(&folder);
    bury(std::move(folder.link_watch));
    if (!target.empty() && link_depth < kMaxLinks) {
      ++link_depth;
      Folder* self = &folder;
      auto watch = std::make_unique<Entry>(*this, Options{.follow = true}, [this, self](Event) {
        arm_subtree(*self);
        notify_subtree(*self, Event::Entry, Why::Event);
      });
      std::string clean = clean_path(target);
      watch->folder = &ensure_folder(parent_path(clean));
      watch->name = base_name(clean);
      watch->folder->entries.emplace(watch->name, watch.get());
      watch->resolve();
      folder.link_watch = std::move(watch);
      --link_depth;
    }
  }
  if (!inotify) return cannot_watch(folder, EMFILE);
  std::uint32_t mask = kStructure | IN_ONLYDIR | IN_MASK_ADD | (folder.content ? kContent : 0);
  int wd = ::inotify_add_watch(inotify.get(), folder.path.c_str(), mask);
  int failure = wd < 0 ? errno : 0;
  if (folder.wd >= 0 && folder.wd != wd) disarm(folder);
  if (wd >= 0 && folder.wd != wd) {
    folder.wd = wd;
    by_wd[wd].push_back(&folder);
    classify(folder);
    ++armed;
  }
  if (failure == ENOSPC || failure == EACCES || failure == ENOMEM || failure == EPERM) {
    cannot_watch(folder, failure);
  } else if (folder.unwatchable) {
    folder.unwatchable = false;
    unwatchable.erase(&folder);
  }
  // Any other failure: it isn't there, or isn't a folder; the parent's watch tells when that changes.
}

void FileWatcher::State::arm_subtree(Folder& folder) {
  arm(folder);
  // A link among them may add folders beside it while it is armed.
  std::vector<Folder*> below;
  for (auto& [name, child] : folder.children) below.push_back(child.get());
  for (Folder* child : below) arm_subtree(*child);
}

void FileWatcher::State::want_content(Folder& folder) {
  if (folder.content) return;
  folder.content = true;
  arm(folder);
}

Folder* FileWatcher::State::find_folder(std::string_view path) {
  Folder* at = &root;
  for (std::string_view part : path_components(path)) {
    auto found = at->children.find(std::string(part));
    if (found == at->children.end()) return nullptr;
    at = found->second.get();
  }
  return at;
}

Folder& FileWatcher::State::ensure_folder(std::string_view path) {
  if (root.wd < 0 && !root.unwatchable) arm(root);
  Folder* at = &root;
  for (std::string_view part : path_components(path)) {
    auto found = at->children.find(std::string(part));
    if (found == at->children.end()) {
      auto child = std::make_unique<Folder>();
      child->path = join_path(at->path, part);
      child->parent = at;
      Folder* made = child.get();
      at->children.emplace(std::string(part), std::move(child));
      // A link's own watch may come back to this folder, so it must not go while it is being armed.
      arm(*made);
      at = made;
    } else {
      at = found->second.get();
    }
  }
  return *at;
}

void FileWatcher::State::bury(std::unique_ptr<Watch> watch) {
  if (watch) graveyard.push_back(std::move(watch));
  if (depth == 0) sweep();
}

void FileWatcher::State::sweep() {
  // What goes lets others go: those are added here, and never freed under the feet of who is freeing one.
  ++depth;
  while (!graveyard.empty() || !maybe_unused.empty()) {
    if (!graveyard.empty()) {
      std::unique_ptr<Watch> watch = std::move(graveyard.back());
      graveyard.pop_back();
    } else {
      free_unused(*maybe_unused.begin());
    }
  }
  --depth;
}

void FileWatcher::State::release(Folder* folder) {
  maybe_unused.insert(folder);
  if (depth == 0) sweep();
}

void FileWatcher::State::free_unused(Folder* folder) {
  maybe_unused.erase(folder);
  while (folder && folder->unused()) {
    // While the folder still stands in the tree: what its link's watch lets go can't reach up past it.
    folder->link_watch.reset();
    disarm(*folder);
    unwatchable.erase(folder);
    incomplete.erase(folder);
    links.erase(folder);
    maybe_unused.erase(folder);
    Folder* parent = folder->parent;
    parent->children.erase(std::string(last_component(folder->path)));
    folder = parent;
  }
}

void FileWatcher::State::notify(Entry& entry, Event event, Why why) {
  if (entry.pending_at == UINT32_MAX) {
    entry.pending_at = static_cast<std::uint32_t>(pending.size());
    entry.pending_event = event;
    entry.pending_why = why;
    pending.push_back(&entry);
    return;
  }
  if (event == Event::Content) entry.pending_event = event;
  if (why == Why::Event) entry.pending_why = why;
}

void FileWatcher::State::notify_subtree(Folder& folder, Event event, Why why) {
  for (auto& [name, entry] : folder.entries) {
    if (entry->options.recursive) entry->stale_tree = true;
    notify(*entry, event, why);
  }
  for (Entry* tree : folder.trees) {
    tree->stale_tree = true;
    notify(*tree, Event::Content, why);
  }
  for (auto& [name, child] : folder.children) notify_subtree(*child, event, why);
}

void FileWatcher::State::dispatch() {
  Busy busy(*this);
  // A call may watch and unwatch; entries that go clear their slot, new events go behind.
  for (std::size_t i = 0; i < pending.size(); ++i) {
    Entry* entry = pending[i];
    if (!entry) continue;
    pending[i] = nullptr;
    entry->pending_at = UINT32_MAX;
    Event event = entry->pending_event;
    entry->watch_itself();
    entry->resolve();
    if (entry->stale_tree) entry->rebuild_tree();
    if (entry->options.only_changes) {
      if (entry->pending_why == Why::Poll && !entry->has_changed()) continue;
      entry->take_stamp();
    }
    entry->call(event);
  }
  pending.clear();
}

namespace {

bool is_told(const Entry& entry, std::uint32_t mask) {
  return !entry.options.closes || !(mask & kContent) || (mask & IN_CLOSE_WRITE);
}

}  // namespace

void FileWatcher::State::on_name(Folder& folder, std::uint32_t mask, std::string_view name) {
  if (!folder.children.empty()) {
    auto child = folder.children.find(std::string(name));
    if (child != folder.children.end() && (mask & (kAppearedOrWent | IN_ATTRIB))) {
      Folder& part = *child->second;
      arm_subtree(part);
      notify_subtree(part, Event::Entry, Why::Event);
    }
  }
  auto [begin, end] = folder.entries.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (it->second->options.recursive && (mask & kAppearedOrWent)) it->second->stale_tree = true;
    if (is_told(*it->second, mask)) notify(*it->second, mask & kContent ? Event::Content : Event::Entry, Why::Event);
  }
  for (Entry* tree : folder.trees) {
    if ((mask & IN_ISDIR) && (mask & kAppearedOrWent)) tree->stale_tree = true;
    if (is_told(*tree, mask)) notify(*tree, Event::Content, Why::Event);
  }
}

void FileWatcher::State::overflow() {
  if (!std::exchange(warned_overflow, true))
    warn(
        "more file events came than the kernel keeps (see fs.inotify.max_queued_events): everything is looked at "
        "again");
  arm_subtree(root);
  notify_subtree(root, Event::Content, Why::Event);
}

void FileWatcher::State::on_event(const inotify_event& event, std::string_view name) {
  if (event.mask & IN_Q_OVERFLOW) return overflow();
  if (!self_by_wd.empty() && name.empty()) on_self(event);
  auto it = by_wd.find(event.wd);
  if (it == by_wd.end()) return;  // removed while the event was in the queue
  // By value: arming changes the list.
  std::vector<Folder*> folders = it->second;
  if (event.mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
    if (event.mask & IN_IGNORED) {
      // The kernel has dropped it: nothing is left to remove.
      by_wd.erase(it);
      armed -= folders.size();
      for (Folder* folder : folders) folder->wd = -1;
    }
    for (Folder* folder : folders) {
      arm_subtree(*folder);
      notify_subtree(*folder, Event::Entry, Why::Event);
    }
    return;
  }
  if (name.empty()) return;  // the folder itself, which its parent's watch tells by name
  for (Folder* folder : folders) on_name(*folder, event.mask, name);
}

// What is mounted on an Entry itself.
void FileWatcher::State::on_self(const inotify_event& event) {
  auto found = self_by_wd.find(event.wd);
  if (found == self_by_wd.end()) return;
  for (Entry* entry : found->second) {
    if (event.mask & IN_IGNORED) entry->more->wd = -1;
    notify(*entry, event.mask & kContent ? Event::Content : Event::Entry, Why::Event);
  }
  if (event.mask & IN_IGNORED) self_by_wd.erase(found);
}

void FileWatcher::State::read_events(int rounds) {
  Busy busy(*this);
  alignas(inotify_event) std::array<char, 65536> buffer;
  for (int round = 0; round < rounds; ++round) {
    ssize_t size = ::read(inotify.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      on_event(event, {name, ::strnlen(name, event.len)});
      at += sizeof event + event.len;
    }
    if (static_cast<std::size_t>(size) < buffer.size() / 2) break;
  }
  dispatch();
}

void FileWatcher::State::poll() {
  Busy busy(*this);
  if (!inotify) open_inotify();
  std::vector<Folder*> folders(unwatchable.begin(), unwatchable.end());
  for (Folder* folder : folders) {
    arm(*folder);
    notify_subtree(*folder, Event::Entry, Why::Poll);
  }
  if (!unwatchable.empty()) poll_timer.after(kPollInterval, [this] { poll(); });
  dispatch();
}

FileWatcher::FileWatcher(Loop& loop, std::function<void(std::string)> warn, Tuning tuning)
    : state_(std::make_unique<State>(loop, std::move(warn), tuning)) {}
FileWatcher::~FileWatcher() = default;

std::unique_ptr<FileWatcher::Watch> FileWatcher::watch(const std::string& path, Options options, Call call) {
  State::Busy busy(*state_);
  std::string clean = clean_path(path);
  auto entry = std::make_unique<Entry>(*state_, options, std::move(call));
  entry->folder = &state_->ensure_folder(parent_path(clean));
  entry->name = base_name(clean);
  entry->folder->entries.emplace(entry->name, entry.get());
  state_->want_content(*entry->folder);
  entry->watch_itself();
  entry->resolve();
  if (options.recursive) entry->rebuild_tree();
  if (options.only_changes) entry->take_stamp();
  return entry;
}

void FileWatcher::drain() {
  if (state_->inotify) state_->read_events(1024);  // more than the kernel's queue holds
}

void FileWatcher::poll_now() {
  if (!state_->unwatchable.empty()) state_->poll();
}

void FileWatcher::catch_up() {
  state_->mounts.look();
  drain();
  poll_now();
  if (!state_->incomplete.empty()) state_->look_at_incomplete();
}

std::size_t FileWatcher::kernel_watches() const { return state_->by_wd.size(); }

namespace {
std::size_t count_entries(const Folder& folder) {
  std::size_t count = folder.entries.size();
  for (const auto& [name, child] : folder.children) count += count_entries(*child);
  return count;
}
}  // namespace

std::size_t FileWatcher::watched_paths() const { return count_entries(state_->root); }

std::size_t FileWatcher::polled_paths() const {
  std::size_t count = 0;
  auto add = [&](const std::unordered_set<Folder*>& polled) {
    for (const Folder* folder : polled) {
      // Counted once, at the topmost of them.
      bool below_another = false;
      for (const Folder* up = folder->parent; up; up = up->parent) below_another |= up->unwatchable || up->incomplete;
      if (!below_another) count += count_entries(*folder);
    }
  };
  add(state_->unwatchable);
  add(state_->incomplete);
  return count;
}

}  // namespace mgmt::events
