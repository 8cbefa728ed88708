// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

namespace mgmt {

/// Owns one file descriptor and closes it.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The whole file, a regular one or what a shell handed over as /dev/fd/N; never waits for a FIFO's writer. Throws
/// Error. `limit` bounds the bytes read, more is an Error.
std::string read_file(const std::string& path, std::size_t limit = std::size_t{1} << 30);

/// From the descriptor's position to the end, as read_file(); `path` is for messages.
std::string read_rest(int fd, std::size_t limit, const std::string& path);

/// Writes all of `data` at the descriptor's position; throws Error naming `path`.
void write_all(int fd, std::string_view data, const std::string& path);

/// Makes `path` appear whole (temporary file beside it, rename); throws Error. For mgmt's own files.
void replace_file(const std::string& path, std::string_view data, mode_t mode);

}  // namespace mgmt
