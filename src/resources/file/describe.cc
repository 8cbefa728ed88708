// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/describe.h"

#include <unistd.h>

#include <cerrno>

namespace mgmt::file {

std::string describe_type(mode_t mode) { return "a " + std::string(type_word(mode)); }

const char* type_word(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "folder";
    case S_IFLNK: return "symlink";
    case S_IFIFO: return "FIFO";
    case S_IFSOCK: return "socket";
    default: return "device";
  }
}

std::string read_link(const Spot& spot) {
  std::string target(256, '\0');
  while (true) {
    ssize_t got = ::readlinkat(spot.folder, spot.name, target.data(), target.size());
    if (got < 0) {
      if (errno == ENOENT || errno == EINVAL) throw Raced(spot.shown);
      throw Error::system(errno, "reading the symlink " + spot.shown);
    }
    if (static_cast<std::size_t>(got) < target.size()) {
      target.resize(static_cast<std::size_t>(got));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

Fd open_file(const Spot& spot) {
  Fd fd(::openat(spot.folder, spot.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ELOOP || errno == ENXIO) throw Raced(spot.shown);
    throw Error::system(errno, "reading " + spot.shown);
  }
  return fd;
}

namespace {

constexpr off_t kMostText = off_t{64} << 10;

std::string whole_text(int fd, off_t size, const std::string& shown) {
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    ssize_t got = ::pread(fd, text.data() + used, text.size() - used, static_cast<off_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error::system(errno, "reading " + shown);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

}  // namespace

Change content_change(int now, const std::string& shown, Bytes& wanted, bool want_text) {
  Change change{.param = "content"};
  change.after = content_value(sha256_of(wanted), wanted.size());
  struct stat status{};
  if (now >= 0) {
    if (::fstat(now, &status) != 0) throw Error::system(errno, "looking at " + shown);
    change.before = content_value(sha256_of(now, shown), status.st_size);
  }
  if (want_text && status.st_size <= kMostText && wanted.size() <= kMostText) {
    auto text = std::make_shared<TextPair>();
    if (now >= 0) text->before = whole_text(now, status.st_size, shown);
    wanted.rewind();
    for (std::string_view piece = wanted.next(); !piece.empty(); piece = wanted.next()) text->after += piece;
    change.text = std::move(text);
  }
  wanted.rewind();
  return change;
}

}  // namespace mgmt::file
