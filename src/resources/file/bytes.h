// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes: what a file is to hold, piece by piece: a text in memory, or other files one after the other. Never
// more than one piece of a file is in memory.
//
//   Bytes bytes(std::vector<std::string>{"/srv/a", "/srv/b"});
//   for (std::string_view piece = bytes.next(); !piece.empty(); piece = bytes.next()) ...
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/fd.h"

namespace mgmt::file {

class Bytes {
 public:
  /// `text` is borrowed.
  explicit Bytes(std::string_view text) : text_(text), size_(static_cast<off_t>(text.size())) {}
  /// Regular files, symlinks followed. Throws Error where one is missing or is something else.
  explicit Bytes(std::vector<std::string> paths);

  off_t size() const { return size_; }
  /// The next piece, "" at the end; valid until the next call. Throws Error; Raced if a file was changed since
  /// this was made.
  std::string_view next();
  /// Back to the beginning.
  void rewind();

 private:
  struct Part {
    std::string path;
    struct stat status;
  };
  static bool is_made_as_it_is_read(const Part& part);
  void open_part();

  std::string_view text_;
  std::vector<Part> parts_;
  off_t size_ = 0;
  std::size_t at_ = 0;
  off_t left_ = 0;  // of the part that is open
  Fd file_;
  std::unique_ptr<char[]> buffer_;
};

/// True if the file, from its position on, holds just these bytes. `shown` is for messages.
bool same_bytes(int fd, Bytes& bytes, const std::string& shown);

/// What is known of bytes that were all read.
struct Sum {
  std::string sha256;
  /// A last one without an end counts.
  std::size_t lines = 0;
  /// There is a NUL byte among them.
  bool binary = false;
};
Sum sum_of(Bytes& bytes);
/// Of the whole open file.
Sum sum_of(int fd, const std::string& shown);

/// True if both are the same version of one file.
bool same_version(const struct stat& a, const struct stat& b);

}  // namespace mgmt::file
