// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/bytes.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>

#include "src/base/error.h"
#include "src/resources/file/remove.h"
#include "src/value/hash.h"

namespace mgmt::file {
namespace {

constexpr std::size_t kPiece = std::size_t{128} << 10;

std::size_t read_some(int fd, std::span<char> into, const std::string& shown) {
  while (true) {
    ssize_t got = ::read(fd, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw Error::system(errno, "reading " + shown);
  }
}

// One a thread, made with the thread's first comparison.
std::span<char> piece_buffer() {
  static thread_local std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kPiece);
  return {buffer.get(), kPiece};
}

Error not_regular(const std::string& path) { return Error(path + " is not a regular file, so it can't be copied"); }

}  // namespace

bool same_version(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

// The size of a file of /proc or /sys says nothing, and neither do its times.
bool Bytes::is_made_as_it_is_read(const Part& part) {
  if (major(part.status.st_dev) != 0) return false;
  struct statfs system{};
  if (::statfs(part.path.c_str(), &system) != 0) return false;
  constexpr long kMade[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC,        DEBUGFS_MAGIC,      TRACEFS_MAGIC,
                            SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC};
  return std::ranges::find(kMade, system.f_type) != std::end(kMade);
}

Bytes::Bytes(std::vector<std::string> paths) {
  parts_.reserve(paths.size());
  for (std::string& path : paths) {
    Part& part = parts_.emplace_back(Part{std::move(path), {}});
    if (::stat(part.path.c_str(), &part.status) != 0) throw Error::system(errno, "reading the source " + part.path);
    if (!S_ISREG(part.status.st_mode)) throw not_regular(part.path);
    if (is_made_as_it_is_read(part))
      throw Error(part.path + " is made by the kernel as it is read, and no file that could be copied")
          .hint("let an exec read it, and `send:` what it printed");
    size_ += part.status.st_size;
  }
}

void Bytes::open_part() {
  const Part& part = parts_[at_];
  file_ = Fd(::open(part.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file_) {
    if (errno == ENOENT) throw Raced(part.path);
    throw Error::system(errno, "reading the source " + part.path);
  }
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) throw Error::system(errno, "reading the source " + part.path);
  if (!same_version(status, part.status)) throw Raced(part.path);
  left_ = status.st_size;
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kPiece);
}

std::string_view Bytes::next() {
  if (parts_.empty()) return std::exchange(text_, text_.substr(text_.size()));
  while (at_ < parts_.size()) {
    const Part& part = parts_[at_];
    if (!file_) open_part();
    if (left_ > 0) {
      std::size_t want = std::min(kPiece, static_cast<std::size_t>(left_));
      std::size_t got = read_some(file_.get(), {buffer_.get(), want}, part.path);
      if (got == 0) throw Raced(part.path);
      left_ -= static_cast<off_t>(got);
      return {buffer_.get(), got};
    }
    // A writer in between would have left us a mixture of two versions.
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) throw Error::system(errno, "reading the source " + part.path);
    if (!same_version(status, part.status)) throw Raced(part.path);
    file_.reset();
    ++at_;
  }
  return {};
}

void Bytes::rewind() {
  if (parts_.empty())
    text_ = {text_.data() - (size_ - static_cast<off_t>(text_.size())), static_cast<std::size_t>(size_)};
  at_ = 0;
  file_.reset();
}

bool same_bytes(int fd, Bytes& bytes, const std::string& shown) {
  std::span<char> buffer = piece_buffer();
  for (std::string_view piece = bytes.next(); !piece.empty(); piece = bytes.next()) {
    while (!piece.empty()) {
      std::size_t got = read_some(fd, buffer.first(std::min(buffer.size(), piece.size())), shown);
      if (got == 0 || std::memcmp(buffer.data(), piece.data(), got) != 0) return false;
      piece.remove_prefix(got);
    }
  }
  return true;
}

namespace {

// Of what `next` gives, piece by piece, until it gives nothing.
template <class Next>
Sum sum_of_pieces(Next next) {
  Sha256 hash;
  Sum sum;
  char last = '\n';
  for (std::string_view piece = next(); !piece.empty(); piece = next()) {
    hash.add(piece);
    sum.lines += static_cast<std::size_t>(std::ranges::count(piece, '\n'));
    sum.binary = sum.binary || piece.contains('\0');
    last = piece.back();
  }
  if (last != '\n') ++sum.lines;
  sum.sha256 = hash.hex();
  return sum;
}

}  // namespace

Sum sum_of(Bytes& bytes) {
  bytes.rewind();
  return sum_of_pieces([&] { return bytes.next(); });
}

Sum sum_of(int fd, const std::string& shown) {
  if (::lseek(fd, 0, SEEK_SET) != 0) throw Error::system(errno, "reading " + shown);
  std::span<char> buffer = piece_buffer();
  return sum_of_pieces([&] { return std::string_view(buffer.data(), read_some(fd, buffer, shown)); });
}

}  // namespace mgmt::file
