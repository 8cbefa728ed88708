// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/relay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "src/base/error.h"
#include "src/base/fd.h"

namespace mgmt::relay {
namespace {

bool offered = false;

struct Way {
  Fd from;
  int to;
  bool has_reader = true;
};

// All of it, to who reads; if nobody does, to nobody.
void pass_on(Way& way) {
  std::array<char, 65536> buffer;
  ssize_t got = ::read(way.from.get(), buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) {
    way.from.reset();
    ::close(way.to);
    return;
  }
  for (ssize_t done = 0; way.has_reader && done < got;) {
    ssize_t put = ::write(way.to, buffer.data() + done, static_cast<std::size_t>(got - done));
    if (put > 0) done += put;
    else if (errno != EINTR) way.has_reader = false;
  }
}

[[noreturn]] void pass_on_to_the_end(std::array<Way, 2> ways) {
  std::signal(SIGPIPE, SIG_IGN);
  // The command's folder may be unmounted without us.
  if (::chdir("/") != 0) ::_exit(1);
  while (ways[0].from || ways[1].from) {
    std::array<pollfd, 2> ready{};
    for (std::size_t i = 0; i < ways.size(); ++i) ready[i] = {.fd = ways[i].from.get(), .events = POLLIN, .revents = 0};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) ::_exit(1);
    for (std::size_t i = 0; i < ways.size(); ++i)
      if (ready[i].revents != 0) pass_on(ways[i]);
  }
  ::_exit(0);
}

[[noreturn]] void not_started(int error, const std::string& doing) {
  fmt::print(stderr, "{}\n", Error::system(error, doing).text());
  std::fflush(stderr);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // no core file of ours
  std::signal(kNotStartedSignal, SIG_DFL);
  std::raise(kNotStartedSignal);
  ::_exit(127);
}

}  // namespace

int run_as_program(const std::vector<std::string>& argv) {
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) not_started(errno, "making a pipe");
  pid_t first = ::fork();
  if (first == 0) {
    // Twice: the relay is init's child, and the command has none that it doesn't know of.
    if (::setsid() < 0 || ::fork() != 0) ::_exit(0);
    ::close(out[1]);
    ::close(err[1]);
    pass_on_to_the_end({Way{.from = Fd(out[0]), .to = STDOUT_FILENO}, Way{.from = Fd(err[0]), .to = STDERR_FILENO}});
  }
  if (first < 0) not_started(errno, "starting a process");
  while (::waitpid(first, nullptr, 0) < 0 && errno == EINTR) {
  }
  Fd said(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  ::dup2(out[1], STDOUT_FILENO);
  ::dup2(err[1], STDERR_FILENO);
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  int error = errno;
  ::dup2(said.get(), STDERR_FILENO);
  not_started(error, fmt::format("starting `{}`", argv[0]));
}

bool wrap(Command& command) {
  if (!offered) return false;
  command.argv.insert(command.argv.begin(), {"/proc/self/exe", "--relay"});
  return true;
}

void offer() { offered = true; }

}  // namespace mgmt::relay
