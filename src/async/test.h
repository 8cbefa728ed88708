// SPDX-License-Identifier: GPL-3.0-or-later
// For tests: a loop that runs until something is so, other processes, folders.
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
#include <string>

#include "src/async/loop.h"

namespace mgmt::test {

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

}  // namespace mgmt::test
