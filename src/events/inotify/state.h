// SPDX-License-Identifier: GPL-3.0-or-later
// FileWatcher's own. Each folder on a watched path is one Folder, a node of a tree that mirrors the paths as they
// are written. A Folder is armed after its parent, so whatever happens to it after its own watch was added is
// seen by the parent's: there is no moment between looking and watching. A watched path is an Entry in
// the Folder that holds it. A component that is a symlink also watches the path that it points to, and arms
// after that. An Entry on which something is mounted is watched itself: its Folder sees only what the mount hides.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/events/inotify/fanotify.h"
#include "src/events/inotify/file_systems.h"
#include "src/events/inotify/file_watcher.h"
#include "src/events/inotify/inotify.h"
#include "src/events/mounts/mounts.h"
#include "src/events/who/who.h"

namespace mgmt::events {

constexpr int kMaxLinks = 40;  // as the kernel's own limit of links in one path

struct Entry;

/// What the kernel has told of an Entry since its last call.
struct Happened {
  std::uint32_t mask = 0;  // 0: nothing, or nobody knows
  /// Of the path that it is about: a folder above is a beginning of the Entry's own.
  std::uint32_t length = UINT32_MAX;
  static constexpr std::uint32_t kBelow = UINT32_MAX - 1;  // something in a recursive one: More::below
};

struct Folder {
  std::string path;
  Folder* parent = nullptr;
  int wd = -1;
  bool unwatchable = false;
  bool incomplete = false;  // its file system doesn't tell of every change
  bool content = false;     // the kernel's mask includes that of contents
  std::unordered_map<std::string, std::unique_ptr<Folder>> children = {};
  // Keyed by the Entry's own name.
  std::unordered_multimap<std::string_view, Entry*> entries = {};
  std::vector<Entry*> trees = {};  // recursive watches that this folder is part of
  std::string link_target = {};
  std::unique_ptr<FileWatcher::Watch> link_watch = nullptr;

  bool unused() const { return children.empty() && entries.empty() && trees.empty() && parent; }
};

/// What a link points to, absolute but not clean; "" if there is no link.
std::string read_link(const std::string& path);
/// "" if nothing is there.
std::string real_path(const std::string& path);

struct FileWatcher::State {
  State(Loop& loop_in, std::function<void(std::string)> warn_in, Tuning tuning_in);
  ~State() { closing = true; }

  Loop& loop;
  std::function<void(std::string)> warn;
  // The links' own watches go with the folders they stand in: then nothing is to be taken apart.
  bool closing = false;
  // Folders are watched by fanotify where that can be had; the rest, and all if it can't be had at all, by inotify.
  std::unique_ptr<Fanotify> fanotify;
  std::unique_ptr<Inotify> inotify;
  Loop::FdWatch fanotify_readable;
  Loop::FdWatch inotify_readable;
  bool held = false;
  Who who;
  Loop::Timer remember_timer;
  Folder root;
  std::unordered_map<int, std::vector<Folder*>> by_wd;
  std::size_t armed = 0;     // Folders in it
  std::size_t followed = 0;  // Entries that are what a link points to
  std::unordered_set<Folder*> unwatchable;
  Loop::Timer poll_timer;
  Tuning tuning;
  FileSystems file_systems;
  std::unordered_set<Folder*> incomplete;
  Loop::Timer incomplete_timer;
  std::unordered_set<std::string> said_incomplete;  // mount points
  std::unordered_set<Folder*> links;
  Mounts mounts;
  std::unordered_map<int, std::vector<Entry*>> self_by_wd;  // Entries that are mount points
  bool warned = false;
  bool warned_access = false;
  bool warned_overflow = false;
  std::vector<Entry*> pending;
  Entry* telling = nullptr;  // whose call is being made
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

  bool open_inotify();
  void listen();  // for what the descriptors have, unless held
  KernelWatches::Added watch_folder(const std::string& path, std::uint32_t mask);
  void read_events(int rounds);
  void on_event(const KernelEvent& event);
  void on_self(const KernelEvent& event);
  void on_name(Folder& folder, const KernelEvent& event, std::string_view name);
  void overflow();

  Folder* find_folder(std::string_view path);
  Folder& ensure_folder(std::string_view path);
  void release(Folder* folder);
  void free_unused(Folder* folder);
  void bury(std::unique_ptr<Watch> watch);
  void sweep();
  void arm(Folder& folder);
  void arm_subtree(Folder& folder);
  void disarm(Folder& folder);
  void remove_watch(int wd, const std::string& path);
  void cannot_watch(Folder& folder, int failure);
  void want_content(Folder& folder);

  // mounted.cc
  void classify(Folder& folder);
  void on_mounts(const std::vector<std::string>& points);
  void look_at_mount(const std::string& point);
  void look_at_incomplete();

  /// Event: something has happened. Poll: it is only time to look.
  enum class Why : std::uint8_t { Event, Poll };
  void notify(Entry& entry, Event event, Why why);
  void notify_of(Entry& entry, Event what, const KernelEvent& event);
  void notify_below(Entry& tree, const Folder& folder, std::string_view name, const KernelEvent& event);
  static Happened of_folder(const Folder& folder, const KernelEvent& event);
  void notify_subtree(Folder& folder, Event event, Why why, Happened happened = {});
  void dispatch();
  void poll();
};

struct Entry : FileWatcher::Watch {
  Entry(FileWatcher::State& state_in, FileWatcher::Options options_in, FileWatcher::Call call_in)
      : state(state_in), options(options_in), call(std::move(call_in)) {}
  ~Entry() override;

  std::string path() const { return join_path(folder->path, name); }
  void resolve();       // what a symlink at the path points to
  void rebuild_tree();  // the folders below a recursive watch
  void walk(const std::string& path, std::vector<Folder*>& into);
  void watch_itself();  // if something is mounted here
  void unwatch_itself();
  // told.cc. The last two: of Happened::kBelow.
  void tell(Happened what, std::string_view folder_below = {}, std::string_view name_below = {});
  // stamp.cc
  bool is_polled() const;
  void take_stamp();   // for Options::only_changes, where it is polled
  bool has_changed();  // since then

  FileWatcher::State& state;
  Folder* folder = nullptr;
  std::string name;
  FileWatcher::Options options;
  FileWatcher::Call call;
  bool stale_tree = false;
  FileWatcher::State::Why pending_why = FileWatcher::State::Why::Event;
  // Position in State::pending and the strongest event there.
  std::uint32_t pending_at = UINT32_MAX;
  FileWatcher::Event pending_event = FileWatcher::Event::Entry;
  Happened happened = {};
  // Rarely used, so behind one pointer.
  struct More {
    std::vector<Folder*> tree;
    std::string target;
    std::string below;  // what the last event of a recursive one was about
    std::unique_ptr<FileWatcher::Watch> target_watch;
    Entry* followed_by = nullptr;  // whose target this is
    int wd = -1;
    std::uint64_t stamp = 0;
  };
  std::unique_ptr<More> more;
  More& ensure_more() {
    if (!more) more = std::make_unique<More>();
    return *more;
  }
};

}  // namespace mgmt::events
