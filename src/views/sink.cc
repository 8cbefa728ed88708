// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/sink.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "src/base/error.h"

namespace mgmt::views {

Sink::Sink(Fd out, std::chrono::milliseconds patience)
    : out_(std::move(out)), hurry_(eventfd(0, EFD_CLOEXEC)), patience_(patience) {
  if (!hurry_) throw Error::system(errno, "making an eventfd");
  struct stat status{};
  is_file_ = fstat(out_.get(), &status) == 0 && S_ISREG(status.st_mode);
  is_terminal_ = ::isatty(out_.get()) == 1;
}

Sink::Outcome Sink::write(std::string_view data) {
  if (data.empty()) return Outcome::Written;
  std::string_view head = torn_ ? "\n" : "";
  char last = torn_ ? ' ' : '\n';
  while (!data.empty()) {
    if (!is_file_ && !wait_until_writable()) return Outcome::GivenUp;
    // A pipe that is writable takes PIPE_BUF bytes without blocking.
    std::string_view piece = head.empty() ? data.substr(0, is_file_ ? data.size() : PIPE_BUF) : head;
    ssize_t written = ::write(out_.get(), piece.data(), piece.size());
    if (written >= 0) {
      auto count = static_cast<std::size_t>(written);
      if (count > 0) last = piece[count - 1];
      (head.empty() ? data : head).remove_prefix(count);
      written_ += count;
      continue;
    }
    if (errno == EINTR || errno == EAGAIN) continue;
    // A terminal that has gone answers so, and was a reader too.
    if (errno == EPIPE || (errno == EIO && is_terminal_)) return Outcome::ReaderGone;
    if (!refusal_told_)
      tell_stderr(
          fmt::format("mgmt: lines of the report are lost: {}", Error::system(errno, "writing to its output").text()));
    refusal_told_ = true;
    torn_ = last != '\n';
    return Outcome::Refused;
  }
  torn_ = false;
  return Outcome::Written;
}

void Sink::hurry() {
  std::uint64_t one = 1;
  // It can only fail if the counter is full, and then it has been told.
  [[maybe_unused]] ssize_t written = ::write(hurry_.get(), &one, sizeof one);
}

bool Sink::wait_until_writable() {
  for (;;) {
    std::array<pollfd, 2> fds{{{out_.get(), POLLOUT, 0}, {hurry_.get(), POLLIN, 0}}};
    int ready = poll(fds.data(), in_hurry_ ? 1 : 2, in_hurry_ ? static_cast<int>(patience_.count()) : -1);
    if (ready < 0 && errno != EINTR) return true;  // write() will say what is wrong
    if (fds[0].revents != 0) return true;
    if (in_hurry_ && ready == 0) return false;
    if (fds[1].revents != 0) in_hurry_ = true;
  }
}

void tell_stderr(std::string_view line) {
  pollfd fd{STDERR_FILENO, POLLOUT, 0};
  if (poll(&fd, 1, 0) != 1 || (fd.revents & POLLOUT) == 0) return;
  std::string text = std::string(line) + "\n";
  // The last resort: there is nobody left to tell that this failed.
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace mgmt::views
