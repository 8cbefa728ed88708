// SPDX-License-Identifier: GPL-3.0-or-later
// How it works. Each folder on a watched path is one Folder, a node of a tree that mirrors the paths as they
// are written. A Folder is armed after its parent, so whatever happens to it after its own watch was added is
// seen by the parent's: there is no moment between looking and watching. A watched path is an Entry in
// the Folder that holds it. A component that is a symlink also watches the path that it points to, and arms
// after that.
#include "src/events/inotify/file_watcher.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"

namespace mgmt::events {
namespace {

constexpr std::uint32_t kStructure =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
// IN_CLOSE_WRITE is for who writes through a mapping, which IN_MODIFY doesn't tell, and the times of the file tell only
// of the first write to a page.
constexpr std::uint32_t kContent = IN_MODIFY | IN_CLOSE_WRITE;
constexpr std::uint32_t kAppearedOrWent = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr int kMaxLinks = 40;  // as the kernel's own limit of links in one path

struct Entry;

struct Folder {
  std::string path;
  Folder* parent = nullptr;
  int wd = -1;
  bool unwatchable = false;
  bool content = false;  // the kernel's mask includes kContent
  std::unordered_map<std::string, std::unique_ptr<Folder>> children = {};
  // Keyed by the Entry's own name.
  std::unordered_multimap<std::string_view, Entry*> entries = {};
  std::vector<Entry*> trees = {};  // recursive watches that this folder is part of
  std::string link_target = {};
  std::unique_ptr<FileWatcher::Watch> link_watch = nullptr;

  bool unused() const { return children.empty() && entries.empty() && trees.empty() && parent; }
};

std::string read_link(const std::string& path) {
  std::array<char, 4096> buffer;
  ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (size <= 0) return {};
  std::string target(buffer.data(), static_cast<std::size_t>(size));
  if (target.starts_with('/')) return target;
  // Relative to where the link really stands: ".." behind another link goes up from that one's target.
  std::array<char, PATH_MAX> parent;
  return join_path(::realpath(parent_path(path).c_str(), parent.data()) ? parent.data() : parent_path(path), target);
}

std::string_view last_component(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

struct FileWatcher::State {
  State(Loop& loop_in, std::function<void(std::string)> warn_in)
      : loop(loop_in), warn(std::move(warn_in)), poll_timer(loop_in) {
    root.path = "/";
    open_inotify();
  }
  ~State() { closing = true; }

  Loop& loop;
  std::function<void(std::string)> warn;
  // The links' own watches go with the folders they stand in: then nothing is to be taken apart.
  bool closing = false;
  Fd inotify;
  Loop::FdWatch readable;
  Folder root;
  std::unordered_map<int, std::vector<Folder*>> by_wd;
  std::unordered_set<Folder*> unwatchable;
  Loop::Timer poll_timer;
  bool warned = false;
  bool warned_access = false;
  bool warned_overflow = false;
  std::vector<Entry*> pending;
  // While events are being handled, what they make superfluous is kept: whoever is further up the stack may still hold
  // it.
  struct Busy {
    explicit Busy(State& state_in) : state(state_in) { ++state.depth; }
    ~Busy() {
      if (--state.depth == 0 && !state.closing) state.sweep();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    State& state;
  };
  int depth = 0;
  std::vector<std::unique_ptr<Watch>> graveyard;
  std::unordered_set<Folder*> maybe_unused;
  bool dispatch_posted = false;
  int link_depth = 0;

  void open_inotify();
  void read_events(int rounds);
  void on_event(const inotify_event& event, std::string_view name);
  void on_name(Folder& folder, std::uint32_t mask, std::string_view name);
  void overflow();

  Folder& ensure_folder(std::string_view path);
  void release(Folder* folder);
  void free_unused(Folder* folder);
  void bury(std::unique_ptr<Watch> watch);
  void sweep();
  void arm(Folder& folder);
  void arm_subtree(Folder& folder);
  void disarm(Folder& folder);
  void cannot_watch(Folder& folder, int failure);
  void want_content(Folder& folder);

  void notify(Entry& entry, Event event);
  void notify_subtree(Folder& folder, Event event);
  void dispatch();
  void poll();
};

namespace {

struct Entry : FileWatcher::Watch {
  Entry(FileWatcher::State& state_in, FileWatcher::Options options_in, FileWatcher::Call call_in)
      : state(state_in), options(options_in), call(std::move(call_in)) {}
  ~Entry() override;

  std::string path() const { return join_path(folder->path, name); }
  void resolve();       // what a symlink at the path points to
  void rebuild_tree();  // the folders below a recursive watch
  void walk(const std::string& path, std::vector<Folder*>& into);

  FileWatcher::State& state;
  Folder* folder = nullptr;
  std::string name;
  FileWatcher::Options options;
  FileWatcher::Call call;
  bool stale_tree = false;
  // Position in State::pending and the strongest event there.
  std::uint32_t pending_at = UINT32_MAX;
  FileWatcher::Event pending_event = FileWatcher::Event::Entry;
  // Rarely used, so behind one pointer.
  struct More {
    std::vector<Folder*> tree;
    std::string target;
    std::unique_ptr<FileWatcher::Watch> target_watch;
  };
  std::unique_ptr<More> more;
  More& ensure_more() {
    if (!more) more = std::make_unique<More>();
    return *more;
  }
};

Entry::~Entry() {
  if (state.closing) return;
  FileWatcher::State::Busy busy(state);
  if (pending_at != UINT32_MAX) state.pending[pending_at] = nullptr;
  if (more) {
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
  auto watch = std::make_unique<Entry>(state, options, [this](FileWatcher::Event event) { call(event); });
  std::string clean = clean_path(target);
  watch->folder = &state.ensure_folder(parent_path(clean));
  watch->name = base_name(clean);
  watch->folder->entries.emplace(watch->name, watch.get());
  state.want_content(*watch->folder);
  watch->resolve();
  if (options.recursive) watch->rebuild_tree();
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

}  // namespace

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
  std::erase(it->second, &folder);
  if (it->second.empty()) {
    by_wd.erase(it);
    ::inotify_rm_watch(inotify.get(), wd);
  }
}

void FileWatcher::State::arm(Folder& folder) {
  // The link first: once its target's path is watched, a change after the watch below is seen.
  std::string target = folder.parent ? read_link(folder.path) : std::string();
  if (target != folder.link_target) {
    folder.link_target = target;
    bury(std::move(folder.link_watch));
    if (!target.empty() && link_depth < kMaxLinks) {
      ++link_depth;
      Folder* self = &folder;
      auto watch = std::make_unique<Entry>(*this, Options{.follow = true}, [this, self](Event) {
        arm_subtree(*self);
        notify_subtree(*self, Event::Entry);
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
  while (true) {
    if (!graveyard.empty()) {
      std::unique_ptr<Watch> watch = std::move(graveyard.back());
      graveyard.pop_back();
    } else if (!maybe_unused.empty()) {
      free_unused(*maybe_unused.begin());
    } else {
      return;
    }
  }
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
    maybe_unused.erase(folder);
    Folder* parent = folder->parent;
    parent->children.erase(std::string(last_component(folder->path)));
    folder = parent;
  }
}

void FileWatcher::State::notify(Entry& entry, Event event) {
  if (entry.pending_at == UINT32_MAX) {
    entry.pending_at = static_cast<std::uint32_t>(pending.size());
    entry.pending_event = event;
    pending.push_back(&entry);
  } else if (event == Event::Content) {
    entry.pending_event = event;
  }
}

void FileWatcher::State::notify_subtree(Folder& folder, Event event) {
  for (auto& [name, entry] : folder.entries) {
    if (entry->options.recursive) entry->stale_tree = true;
    notify(*entry, event);
  }
  for (Entry* tree : folder.trees) {
    tree->stale_tree = true;
    notify(*tree, Event::Content);
  }
  for (auto& [name, child] : folder.children) notify_subtree(*child, event);
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
    entry->resolve();
    if (entry->stale_tree) entry->rebuild_tree();
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
      notify_subtree(part, Event::Entry);
    }
  }
  auto [begin, end] = folder.entries.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (it->second->options.recursive && (mask & kAppearedOrWent)) it->second->stale_tree = true;
    if (is_told(*it->second, mask)) notify(*it->second, mask & kContent ? Event::Content : Event::Entry);
  }
  for (Entry* tree : folder.trees) {
    if ((mask & IN_ISDIR) && (mask & kAppearedOrWent)) tree->stale_tree = true;
    if (is_told(*tree, mask)) notify(*tree, Event::Content);
  }
}

void FileWatcher::State::overflow() {
  if (!std::exchange(warned_overflow, true))
    warn(
        "more file events came than the kernel keeps (see fs.inotify.max_queued_events): everything is looked at "
        "again");
  arm_subtree(root);
  notify_subtree(root, Event::Content);
}

void FileWatcher::State::on_event(const inotify_event& event, std::string_view name) {
  if (event.mask & IN_Q_OVERFLOW) return overflow();
  auto it = by_wd.find(event.wd);
  if (it == by_wd.end()) return;  // removed while the event was in the queue
  // By value: arming changes the list.
  std::vector<Folder*> folders = it->second;
  if (event.mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
    if (event.mask & IN_IGNORED) {
      // The kernel has dropped it: nothing is left to remove.
      by_wd.erase(it);
      for (Folder* folder : folders) folder->wd = -1;
    }
    for (Folder* folder : folders) {
      arm_subtree(*folder);
      notify_subtree(*folder, Event::Entry);
    }
    return;
  }
  if (name.empty()) return;  // the folder itself, which its parent's watch tells by name
  for (Folder* folder : folders) on_name(*folder, event.mask, name);
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
    notify_subtree(*folder, Event::Entry);
  }
  if (!unwatchable.empty()) poll_timer.after(kPollInterval, [this] { poll(); });
  dispatch();
}

FileWatcher::FileWatcher(Loop& loop, std::function<void(std::string)> warn)
    : state_(std::make_unique<State>(loop, std::move(warn))) {}
FileWatcher::~FileWatcher() = default;

std::unique_ptr<FileWatcher::Watch> FileWatcher::watch(const std::string& path, Options options, Call call) {
  State::Busy busy(*state_);
  std::string clean = clean_path(path);
  auto entry = std::make_unique<Entry>(*state_, options, std::move(call));
  entry->folder = &state_->ensure_folder(parent_path(clean));
  entry->name = base_name(clean);
  entry->folder->entries.emplace(entry->name, entry.get());
  state_->want_content(*entry->folder);
  entry->resolve();
  if (options.recursive) entry->rebuild_tree();
  return entry;
}

void FileWatcher::drain() {
  if (state_->inotify) state_->read_events(1024);  // more than the kernel's queue holds
}

void FileWatcher::poll_now() {
  if (!state_->unwatchable.empty()) state_->poll();
}

std::size_t FileWatcher::kernel_watches() const { return state_->by_wd.size(); }

namespace {
std::size_t count_entries(const Folder& folder) {
  std::size_t count = folder.entries.size();
  for (const auto& [name, child] : folder.children) count += count_entries(*child);
  return count;
}
}  // namespace

std::size_t FileWatcher::polled_paths() const {
  std::size_t count = 0;
  for (const Folder* folder : state_->unwatchable) {
    // Counted once, at the topmost folder that can't be watched.
    bool below_another = false;
    for (const Folder* up = folder->parent; up; up = up->parent) below_another |= up->unwatchable;
    if (!below_another) count += count_entries(*folder);
  }
  return count;
}

}  // namespace mgmt::events
