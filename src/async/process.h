// SPDX-License-Identifier: GPL-3.0-or-later
// Spawner and Child: child processes without forking a big process.
//
// One thread, which lives as long as the Spawner, starts all children (clone with CLONE_VM|CLONE_VFORK|
// CLONE_FILES|CLONE_PIDFD: the caller would be blocked for 0.2 to 2 ms, and the parent-death signal fires when the
// spawning *thread* ends). Children lead a session and a process group of their own, and get SIGKILL when the agent
// dies (but those that are to be left). Everything here is called on the loop's thread.
//
//   spawner.spawn(command, owner, [this](Result<Child> started) { child_ = std::move(*started); ... });
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/async/loop.h"
#include "src/base/error.h"
#include "src/base/fd.h"

namespace mgmt {

struct Command {
  /// argv[0] is looked up in PATH (of `env`) if it has no slash.
  std::vector<std::string> argv;
  /// Complete: nothing is inherited.
  std::vector<std::pair<std::string, std::string>> env = {};
  /// Empty: the agent's own.
  std::string cwd = "/";
  struct Identity {
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;
  };
  /// Whom to become; none: as the agent.
  std::optional<Identity> identity = std::nullopt;
  /// What an orderly stop does: SIGTERM and SIGKILL, wait for its end, or nothing. What is left survives the agent's
  /// sudden death too.
  enum class OnStop { Kill, Wait, Leave } on_stop = OnStop::Kill;
  /// Whose it is, for who waits for it.
  std::string label = {};
};

/// How a child ended: by itself with a status, or killed by a signal (not 0).
struct Ending {
  int status = 0;
  int signal = 0;
};

struct SpawnerState;

/// A started child, which leads its process group. stdin is /dev/null. Destroyed before it was reaped, it and its
/// group get SIGKILL, and the Spawner reaps it when it has ended: no zombie stays.
class Child {
 public:
  Child() = default;
  Child(Child&&) noexcept = default;
  Child& operator=(Child&& other) noexcept;
  ~Child() { abandon(); }

  explicit operator bool() const { return static_cast<bool>(pidfd_); }
  pid_t pid() const { return pid_; }
  /// Readable when it has ended: then call reap().
  int pidfd() const { return pidfd_.get(); }
  /// What it prints. Non-blocking; its owner closes them when it has read enough.
  Fd& out() { return out_; }
  Fd& err() { return err_; }

  void signal_group(int signal);
  /// Called at a stop if it is to be left: then it is to be destroyed, which does nothing to it.
  void on_left(std::function<void()> call);
  /// Only once pidfd is readable; what watches it is destroyed before. What the child left running in its group
  /// goes on.
  Ending reap();

 private:
  friend struct SpawnerState;
  void abandon();

  pid_t pid_ = -1;
  Fd pidfd_, out_, err_;
  std::shared_ptr<SpawnerState> spawner_;
};

class Spawner {
 public:
  explicit Spawner(Loop& loop);
  /// Kills what is left, and ends the thread.
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  using Started = std::move_only_function<void(Result<Child>)>;
  /// Starts a child, in the order of the calls, and calls `started` on the loop's thread with it or with the Error
  /// (command not found, no permission, cwd missing). Once `owner` is gone, what has not been started is not
  /// started any more, what has been is killed, and `started` isn't called. Where the kernel refuses one more
  /// process or descriptor (EAGAIN, EMFILE, ENFILE, ENOMEM) it waits until a child has ended and tries again,
  /// and says so once through `warn`.
  void spawn(Command command, std::weak_ptr<void> owner, Started started);
  void set_warn(std::function<void(std::string)> warn);

  /// Children that have not been reaped yet.
  std::size_t running() const;
  /// For an orderly stop: SIGTERM to every group that isn't to be waited for or left; what is to be started, now or
  /// later, gets an Error.
  void terminate_all();
  bool stopping() const;
  /// The labels of those that a stop waits for.
  std::vector<std::string> waited_for() const;
  /// SIGKILL to every group, those included whose leader has ended since terminate_all().
  enum class Spare { Waited, None };
  void kill_all(Spare spare);

 private:
  std::shared_ptr<SpawnerState> state_;
};

/// Raises the soft limit of descriptors to the hard one. Children get the original back: programs that use select()
/// or close every descriptor they may have want it small. Call once, before the first child.
void raise_descriptor_limit();

}  // namespace mgmt
