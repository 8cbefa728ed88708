// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/run_child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "src/async/launch.h"
#include "src/async/no_signals.h"
#include "src/async/slice.h"

namespace mgmt {
namespace {

// Takes what is there. False at the end.
bool read_some(int pipe, std::size_t keep, ChildRun& run) {
  std::array<char, 16384> buffer;
  while (true) {
    ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    run.output.append(buffer.data(), static_cast<std::size_t>(got));
    if (run.output.size() <= keep) continue;
    run.output.erase(0, run.output.size() - keep);
    run.cut = true;
  }
}

Ending reap(int pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    if (errno != EINTR) throw Error::system(errno, "asking how a child ended");
  }
  if (info.si_code == CLD_EXITED) return {.status = info.si_status};
  return {.signal = info.si_status};
}

}  // namespace

Result<ChildRun> run_child(const Command& command, std::chrono::milliseconds limit, std::size_t keep) {
  using std::chrono::steady_clock;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(Error::system(errno, "opening a pipe for a child"));
  Fd from(ends[0]), to(ends[1]);
  if (::fcntl(from.get(), F_SETFL, O_NONBLOCK) != 0)
    return std::unexpected(Error::system(errno, "opening a pipe for a child"));
  Result<Launched> child;
  {
    // The child shares our memory for its first steps: no handler of ours may run in it.
    NoSignals blocked;
    UsualSlices usual;
    Launcher launcher;
    child = launcher.launch(command, to.get(), to.get(), original_descriptors());
  }
  if (!child) return std::unexpected(child.error());
  to.reset();

  ChildRun run;
  auto end = steady_clock::now() + limit;
  bool open = true;
  while (true) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
    std::array<pollfd, 2> events{pollfd{.fd = child->pidfd.get(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = open ? from.get() : -1, .events = POLLIN, .revents = 0}};
    int ready = ::poll(events.data(), events.size(), std::max(0, static_cast<int>(left.count())));
    if (ready < 0 && errno != EINTR) break;
    if (open && events[1].revents != 0) open = read_some(from.get(), keep, run);
    if (events[0].revents != 0) break;
    if (ready == 0) {
      run.timed_out = true;
      break;
    }
  }
  // Its number is its group's until it is reaped.
  ::kill(-child->pid, SIGKILL);
  run.ending = reap(child->pidfd.get());
  if (open) read_some(from.get(), keep, run);
  return run;
}

}  // namespace mgmt
