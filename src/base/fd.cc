// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "src/base/error.h"

namespace mgmt {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

namespace {

bool is_handed_over(std::string_view path) {
  return path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

}  // namespace

std::string read_file(const std::string& path, std::size_t limit) {
  // A FIFO without a writer would hold up who opens it.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) throw Error::system(errno, "opening " + path);
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) throw Error::system(errno, "reading " + path);
  if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
    // What a shell hands over (`<(command)`) is open already, and has its writer.
    if (!is_handed_over(path)) throw Error("reading " + path + ": it is not a regular file");
    if (::fcntl(fd.get(), F_SETFL, 0) != 0) throw Error::system(errno, "reading " + path);
  }
  return read_rest(fd.get(), limit, path);
}

std::string read_rest(int fd, std::size_t limit, const std::string& path) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) throw Error::system(errno, "reading " + path);
  if (S_ISDIR(st.st_mode)) throw Error::system(EISDIR, "reading " + path);
  std::string data;
  std::size_t used = 0;
  // Those of /proc say that they are empty, and some give all they have to the first read and nothing to the next.
  constexpr std::size_t kAtLeast = 4096;
  data.resize(std::max(static_cast<std::size_t>(st.st_size) + 1, kAtLeast));
  while (true) {
    ssize_t got = ::read(fd, data.data() + used, data.size() - used);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw Error::system(errno, "reading " + path);
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit) throw Error("reading " + path + ": larger than " + std::to_string(limit) + " bytes");
    if (used == data.size()) data.resize(data.size() * 2);
  }
  data.resize(used);
  return data;
}

void write_all(int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      throw Error::system(errno, "writing " + path);
    }
    data.remove_prefix(static_cast<std::size_t>(put));
  }
}

void replace_file(const std::string& path, std::string_view data, mode_t mode) {
  std::string temporary = path + ".new-" + std::to_string(::getpid());
  Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) throw Error::system(errno, "creating " + temporary);
  try {
    write_all(fd.get(), data, temporary);
    if (::fchmod(fd.get(), mode) != 0) throw Error::system(errno, "setting the mode of " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw Error::system(errno, "renaming to " + path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace mgmt
