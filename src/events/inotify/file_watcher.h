// SPDX-License-Identifier: GPL-3.0-or-later
// FileWatcher: tells when what stands at a path may have changed: the entry itself, any component of its
// path, what a symlink on the way points to, or a parent that doesn't exist yet. One fanotify group (as root) or
// inotify instance for any number of paths; a folder that several paths share is watched once. What can't be watched is
// polled.
//
// Lives on the loop's thread. Level-triggered: a call says "look again", nothing of what happened.
//
//   auto subscription = watcher.watch("/etc/motd", {}, [&](Event event) { ... });
//
// What these don't tell is seen otherwise: a mount over a watched path, or its end, is an event for all that lies
// there; a file system that doesn't tell of every change (a network's, FUSE, /proc) is looked at every minute.
// Where the kernel has no inotify instance or watch left, the path is looked at every few seconds instead
// (`polled_paths` says how many are), with one warning for all. A queue that overflowed calls everybody once,
// and the first time warns. See inotify(7), fanotify(7).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/async/loop.h"
#include "src/events/inotify/file_systems.h"

namespace mgmt {
struct Process;
}
namespace mgmt::events {

class FileWatcher {
 public:
  /// What may have happened; two of them together are the bitwise or of both.
  enum class Event : std::uint8_t {
    /// The entry appeared, went, was renamed or changed its attributes.
    Entry = 0,
    /// Its content was written in place, or something below a recursive watch changed.
    Content = 1,
    /// A component of its path appeared, went, was renamed or changed its attributes.
    Way = 2,
    Anything = Content | Way,
  };
  /// For Content and Way.
  friend bool has(Event event, Event bit) { return (static_cast<int>(event) & static_cast<int>(bit)) != 0; }
  struct Options {
    /// Everything below the folder too, folders that appear later included.
    bool recursive = false;
    /// If the last component is a symlink, watch what it points to as well (its components too).
    bool follow = false;
    /// For who acts on the call itself, instead of looking: where the path is polled, it is called only if its inode,
    /// its size or its times (or those of what lies in a recursive one) have changed since the last time.
    bool only_changes = false;
    /// What is written in place is told when its writer closes it, and not before.
    bool closes = false;
  };
  using Call = std::function<void(Event)>;

  /// Other than a test has it.
  struct Tuning {
    /// How often what lies on a file system without complete events is looked at.
    Duration incomplete_interval = std::chrono::seconds(60);
    FileSystems::Names incomplete_names = incomplete_file_system;
  };

  /// `warn` is called with a text for the user, at most once for each reason.
  FileWatcher(Loop& loop, std::function<void(std::string)> warn) : FileWatcher(loop, std::move(warn), Tuning()) {}
  FileWatcher(Loop& loop, std::function<void(std::string)> warn, Tuning tuning);
  ~FileWatcher();

  class Watch {
   public:
    virtual ~Watch() = default;
  };
  /// `path` is absolute; need not exist. When this returns, every later change calls (unless the Watch is
  /// destroyed before). Calls come from the loop, never from within watch(); they may watch and unwatch, but not
  /// destroy the FileWatcher.
  std::unique_ptr<Watch> watch(const std::string& path, Options options, Call call);

  /// Reads what the kernel has queued, and makes the calls for it, now. An event is queued before the system call
  /// that caused it returns: after this, nothing that happened before is still to be told.
  void drain();

  /// While it is held, nothing is told of itself: who holds it drains it, before the kernel's queue is full.
  void hold(bool held);

  /// Calls for every path that can't be watched, now instead of at its time.
  void poll_now();

  /// For who waits until everything that has happened is known: drain(), and the mounts and all that is polled, too.
  void catch_up();

  /// Another watched path where the very same entry stands, reached through a symlink or a bind mount; or a recursive
  /// watch of which it is a part, written otherwise (`tree`). `here_leads`, `there_leads`: it is what that path itself,
  /// as a symlink, points to.
  struct OtherName {
    std::string path;
    bool tree = false;
    bool here_leads = false, there_leads = false;
  };
  /// All of a watched path, as far as the kernel has told by now; nothing of what is polled.
  std::vector<OtherName> other_names(const std::string& path) const;
  /// False, at no cost, as long as each folder that is watched has one name, and no link is followed.
  bool has_other_names() const;

  /// What the kernel said, for a person: it is never believed.
  struct Told {
    std::string path;
    /// Bits of inotify(7), of one or several events.
    std::uint32_t mask = 0;
  };
  /// In a call, or in what it calls: what that is made for. None where it is only time to look, or the kernel doesn't
  /// say what happened.
  std::optional<Told> telling() const;

  /// Who made the last change of what is watched at `path` (or below, if recursive) since this was asked last: not
  /// ourselves. Null if nobody did, or nobody says who.
  std::shared_ptr<const Process> take_changer(const std::string& path);

  /// Paths that somebody asked for.
  std::size_t watched_paths() const;
  /// Those of them that can't be watched, or lie where not everything is told.
  std::size_t polled_paths() const;
  std::size_t kernel_watches() const;

  /// How often a path that can't be watched is looked at.
  static constexpr Duration kPollInterval = std::chrono::seconds(2);

  struct State;  // state.h, our own

 private:
  std::unique_ptr<State> state_;
};

/// "/etc/motd was removed and created (DELETE, CREATE)"; the order of the events isn't kept. "" for no bits.
std::string to_text(const FileWatcher::Told& told);

}  // namespace mgmt::events
