// SPDX-License-Identifier: GPL-3.0-or-later
// For tests: calls of a World that wait for their answer, on a loop that runs only meanwhile.
#pragma once

#include <poll.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/async/loop.h"
#include "src/world/world.h"

namespace mgmt::world::testing_world {

/// Runs the loop until `done`; a test that waits for what never comes ends by its time-out.
inline bool run_until(Loop& loop, const std::function<bool()>& done, Duration limit = std::chrono::seconds(60)) {
  TimePoint end = Clock::now() + limit;
  Loop::Timer timer(loop);
  std::function<void()> look = [&] {
    if (done() || Clock::now() > end) loop.stop();
    else timer.after(std::chrono::microseconds(200), look);
  };
  look();
  if (!done()) loop.run();
  return done();
}

struct Snapshot {
  std::map<std::string, std::string> values;
  std::map<std::string, Revision> revisions;
  Revision revision;
  std::size_t pages = 0;
  std::vector<std::string> order;
  std::optional<Error> error;
};

inline Snapshot read_all(Loop& loop, World& world, const std::string& prefix) {
  auto result = std::make_shared<Snapshot>();
  auto done = std::make_shared<bool>(false);
  world.read(prefix, [=](Result<Page> page) {
    if (!page) {
      result->error = page.error();
      *done = true;
      return;
    }
    for (Entry& entry : page->entries) {
      result->order.push_back(entry.key);
      result->revisions[entry.key] = entry.revision;
      result->values[entry.key] = std::move(entry.value);
    }
    if (result->pages++ > 0 && page->revision != result->revision)
      result->error = Error("pages of different revisions");
    result->revision = page->revision;
    *done = page->last;
  });
  if (!run_until(loop, [&] { return *done; })) result->error = Error("no answer");
  return *result;
}

inline CommitOutcome commit(Loop& loop, World& world, Commit what) {
  auto outcome = std::make_shared<std::optional<CommitOutcome>>();
  world.commit(std::move(what), [=](CommitOutcome got) { *outcome = std::move(got); });
  if (!run_until(loop, [&] { return outcome->has_value(); })) return Unknown{Error("no answer")};
  return **outcome;
}

/// What a watch has been told.
struct Seen {
  std::vector<Change> changes;
  std::map<std::string, std::string> values;
  bool compacted = false;
  std::optional<Error> error;
  Revision revision;
  /// Set if a revision went back or a commit came in two parts.
  bool disorder = false;
  std::unique_ptr<Watch> watch;

  void on_event(const WatchEvent& event) {
    if (std::holds_alternative<Compacted>(event)) compacted = true;
    if (const auto* failure = std::get_if<Error>(&event)) error = *failure;
    const auto* news = std::get_if<Changes>(&event);
    if (!news) return;
    if (news->revision <= revision) disorder = true;
    Revision last = revision;
    bool first = true;
    for (const Change& change : news->changes) {
      if (first ? change.revision <= last : change.revision < last) disorder = true;
      first = false;
      last = change.revision;
      changes.push_back(change);
      if (change.value) values[change.key] = *change.value;
      else values.erase(change.key);
    }
    if (last > news->revision) disorder = true;
    revision = news->revision;
  }
};

inline std::unique_ptr<Seen> follow(World& world, const std::string& prefix, Revision after) {
  auto seen = std::make_unique<Seen>();
  seen->revision = after;
  seen->watch = world.watch(prefix, after, [at = seen.get()](const WatchEvent& event) { at->on_event(event); });
  return seen;
}

/// A forked process. Fork before the test has threads.
class Process {
 public:
  explicit Process(const std::function<int()>& work) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // none stays when the test is ended
    ::_exit(work());
  }
  ~Process() {
    if (pid_ > 0) kill_and_wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  pid_t pid() const { return pid_; }
  int kill_and_wait() {
    ::kill(pid_, SIGKILL);
    return wait();
  }
  /// Its exit code, 128 + the signal if it was killed.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

/// A pipe: one side says "go" or "I am ready" to the other.
class Gate {
 public:
  Gate() {
    if (::pipe(ends_) != 0) std::abort();
  }
  ~Gate() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  void open(std::size_t times = 1) {
    std::string bytes(times, 'g');
    if (::write(ends_[1], bytes.data(), times) != static_cast<ssize_t>(times)) std::abort();
  }
  /// False if the other side never comes.
  bool pass() {
    char byte;
    pollfd ready{ends_[0], POLLIN, 0};
    return ::poll(&ready, 1, 30'000) == 1 && ::read(ends_[0], &byte, 1) == 1;
  }

 private:
  int ends_[2];
};

/// An empty folder, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base ? base : "/tmp") + "/mgmt-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TempFolder() { std::filesystem::remove_all(path_, ignored_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::error_code ignored_;
};

}  // namespace mgmt::world::testing_world
