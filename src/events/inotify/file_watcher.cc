// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/file_watcher.h"

#include <fmt/format.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
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
// How often it is read in one turn of the loop: bounded, so that a storm of events doesn't keep timers and signals
// waiting.
constexpr int kRounds = 16;
std::string_view last_component(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

FileWatcher::State::State(Loop& loop_in, std::function<void(std::string)> warn_in, Tuning tuning_in)
    : loop(loop_in),
      warn(std::move(warn_in)),
      remember_timer(loop_in),
      poll_timer(loop_in),
      tuning(tuning_in),
      file_systems(tuning.incomplete_names),
      incomplete_timer(loop_in),
      mounts(loop_in, [this](const std::vector<std::string>& points) { on_mounts(points); }) {
  root.path = "/";
  fanotify = Fanotify::create();
  if (!fanotify) {
    open_inotify();
    return;
  }
  listen();
  // What is over by then needs nobody's name.
  remember_timer.after(std::chrono::milliseconds(200), [this] { who.remember_processes(); });
}

bool FileWatcher::State::open_inotify() {
  if (inotify) return true;
  inotify = Inotify::create();
  if (inotify) listen();
  return inotify != nullptr;
}

void FileWatcher::State::listen() {
  // A descriptor has one FdWatch at a time.
  fanotify_readable = {};
  inotify_readable = {};
  if (held) return;
  auto on = [this](const auto& from) {
    return from ? Loop::FdWatch(loop, from->descriptor(), [this] { read_events(kRounds); }) : Loop::FdWatch();
  };
  fanotify_readable = on(fanotify);
  inotify_readable = on(inotify);
}

KernelWatches::Added FileWatcher::State::watch_folder(const std::string& path, std::uint32_t mask) {
  if (fanotify) {
    auto added = fanotify->add(path, mask);
    bool cannot = added.failure == EOPNOTSUPP || added.failure == EXDEV || added.failure == ENODEV ||
                  added.failure == EINVAL || added.failure == EPERM;
    if (!cannot) return added;
  }
  if (!open_inotify()) return {.failure = EMFILE};
  return inotify->add(path, mask | IN_ONLYDIR);
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
    remove_watch(wd, folder.path);
  }
}

// Unless somebody else still needs it.
void FileWatcher::State::remove_watch(int wd, const std::string& path) {
  if (by_wd.contains(wd) || self_by_wd.contains(wd)) return;
  if (Fanotify::is_id(wd)) fanotify->remove(wd, path);
  else inotify->remove(wd, path);
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
        notify_subtree(*self, Event::Way, Why::Event);
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
  auto [wd, failure] = watch_folder(folder.path, kStructure | (folder.content ? kContent : 0));
  if (folder.wd >= 0 && folder.wd != wd) disarm(folder);
  if (wd >= 0 && folder.wd != wd) {
    folder.wd = wd;
    by_wd[wd].push_back(&folder);
    classify(folder);
    ++armed;
  }
  if (failure == ENOSPC || failure == EACCES || failure == ENOMEM || failure == EPERM || failure == EMFILE) {
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

namespace {

using Event = FileWatcher::Event;
Event both(Event a, Event b) { return static_cast<Event>(static_cast<int>(a) | static_cast<int>(b)); }

}  // namespace

void FileWatcher::State::notify(Entry& entry, Event event, Why why) {
  if (entry.pending_at == UINT32_MAX) {
    entry.pending_at = static_cast<std::uint32_t>(pending.size());
    entry.pending_event = event;
    entry.pending_why = why;
    entry.happened = {};
    pending.push_back(&entry);
    return;
  }
  entry.pending_event = both(entry.pending_event, event);
  if (why == Why::Event) entry.pending_why = why;
}

void FileWatcher::State::notify_subtree(Folder& folder, Event event, Why why, Happened happened) {
  for (auto& [name, entry] : folder.entries) {
    if (entry->options.recursive) entry->stale_tree = true;
    notify(*entry, event, why);
    if (happened.mask != 0) entry->tell(happened);
  }
  for (Entry* tree : folder.trees) {
    tree->stale_tree = true;
    notify(*tree, both(Event::Content, event), why);
  }
  for (auto& [name, child] : folder.children) notify_subtree(*child, event, why, happened);
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
    telling = entry;
    entry->call(event);
    telling = nullptr;
  }
  pending.clear();
}

namespace {

bool is_told(const Entry& entry, std::uint32_t mask) {
  return !entry.options.closes || !(mask & kContent) || (mask & IN_CLOSE_WRITE);
}

}  // namespace

void FileWatcher::State::notify_of(Entry& entry, Event what, const KernelEvent& event) {
  if (!is_told(entry, event.mask)) return;
  if (event.pid != 0) who.did(entry.path(), event.pid);
  notify(entry, what, Why::Event);
  entry.tell({.mask = event.mask});
}

void FileWatcher::State::notify_below(Entry& tree, const Folder& folder, std::string_view name,
                                      const KernelEvent& event) {
  if (!is_told(tree, event.mask)) return;
  if (event.pid != 0) who.did(tree.path(), event.pid);
  notify(tree, Event::Content, Why::Event);
  tree.tell({.mask = event.mask, .length = Happened::kBelow}, folder.path, name);
}

Happened FileWatcher::State::of_folder(const Folder& folder, const KernelEvent& event) {
  return {.mask = event.mask, .length = static_cast<std::uint32_t>(folder.path.size())};
}

void FileWatcher::State::on_name(Folder& folder, const KernelEvent& event, std::string_view name) {
  if (!folder.children.empty()) {
    auto child = folder.children.find(std::string(name));
    if (child != folder.children.end() && (event.mask & (kAppearedOrWent | IN_ATTRIB))) {
      Folder& part = *child->second;
      arm_subtree(part);
      notify_subtree(part, Event::Way, Why::Event, of_folder(part, event));
    }
  }
  auto [begin, end] = folder.entries.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (it->second->options.recursive && (event.mask & kAppearedOrWent)) it->second->stale_tree = true;
    notify_of(*it->second, event.mask & kContent ? Event::Content : Event::Entry, event);
  }
  for (Entry* tree : folder.trees) {
    if ((event.mask & IN_ISDIR) && (event.mask & kAppearedOrWent)) tree->stale_tree = true;
    notify_below(*tree, folder, name, event);
  }
}

void FileWatcher::State::overflow() {
  if (!std::exchange(warned_overflow, true))
    warn(
        fmt::format("more file events came than the kernel keeps (see fs.{}.max_queued_events): everything is looked "
                    "at again",
                    fanotify ? "fanotify" : "inotify"));
  arm_subtree(root);
  notify_subtree(root, Event::Anything, Why::Event);
}

void FileWatcher::State::on_event(const KernelEvent& event) {
  if (event.mask & IN_Q_OVERFLOW) return overflow();
  if (event.mask & kLostFolder) return notify_subtree(root, Event::Way, Why::Event);
  if (!self_by_wd.empty() && event.name.empty()) on_self(event);
  auto it = by_wd.find(event.id);
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
      notify_subtree(*folder, Event::Way, Why::Event, of_folder(*folder, event));
    }
    return;
  }
  for (Folder* folder : folders) {
    if (!event.name.empty()) on_name(*folder, event, event.name);
    // The folder itself: inotify tells its parent by name, fanotify doesn't.
    else if (Fanotify::is_id(event.id) && folder->parent) on_name(*folder->parent, event, last_component(folder->path));
  }
}

// What is mounted on an Entry itself.
void FileWatcher::State::on_self(const KernelEvent& event) {
  auto found = self_by_wd.find(event.id);
  if (found == self_by_wd.end()) return;
  for (Entry* entry : found->second) {
    if (event.mask & IN_IGNORED) entry->more->wd = -1;
    notify(*entry, event.mask & kContent ? Event::Content : Event::Entry, Why::Event);
  }
  if (event.mask & IN_IGNORED) self_by_wd.erase(found);
}

void FileWatcher::State::read_events(int rounds) {
  Busy busy(*this);
  auto read_all = [&](KernelWatches* from) {
    for (int round = 0; from && round < rounds; ++round) {
      who.begin();
      if (!from->read([this](const KernelEvent& event) { on_event(event); })) return;
    }
  };
  read_all(fanotify.get());
  read_all(inotify.get());
  dispatch();
}

void FileWatcher::State::poll() {
  Busy busy(*this);
  std::vector<Folder*> folders(unwatchable.begin(), unwatchable.end());
  for (Folder* folder : folders) {
    arm(*folder);
    notify_subtree(*folder, Event::Way, Why::Poll);
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
  state_->read_events(1024);  // more than the kernel's queue holds
}

void FileWatcher::hold(bool held) {
  if (std::exchange(state_->held, held) == held) return;
  state_->listen();
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

std::optional<FileWatcher::Told> FileWatcher::telling() const {
  const Entry* entry = state_->telling;
  if (!entry || entry->happened.mask == 0) return std::nullopt;
  if (entry->happened.length == Happened::kBelow)
    return Told{.path = entry->more ? clean_path(entry->more->below) : "", .mask = entry->happened.mask};
  std::string path = entry->path();
  if (entry->happened.length < path.size()) path.resize(entry->happened.length);
  return Told{.path = std::move(path), .mask = entry->happened.mask};
}

std::shared_ptr<const Process> FileWatcher::take_changer(const std::string& path) { return state_->who.take(path); }

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
