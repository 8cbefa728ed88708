// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/describe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "src/base/text.h"
#include "src/resources/file/ground.h"

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

Text text_of(std::optional<bool> show_diff, const std::string& path, std::optional<mode_t> before, mode_t after) {
  if (show_diff) return *show_diff ? Text::All : Text::Counts;
  bool open = (before.value_or(S_IROTH) & after & S_IROTH) != 0 && is_reachable_by_all(path);
  return open ? Text::All : Text::Counts;
}

Change content_change(int now, const std::string& shown, Bytes& wanted, Text text) {
  Change change{.param = "content"};
  Sum after = sum_of(wanted), before;
  change.after = content_value(after.sha256, wanted.size());
  struct stat status{};
  if (now >= 0) {
    if (::fstat(now, &status) != 0) throw Error::system(errno, "looking at " + shown);
    before = sum_of(now, shown);
    change.before = content_value(before.sha256, status.st_size);
  }
  if (text != Text::None) {
    auto pair = std::make_shared<TextPair>();
    std::string counts = now < 0 ? counted(after.lines, "line")
                                 : fmt::format("{} → {}", counted(before.lines, "line"), counted(after.lines, "line"));
    if (before.binary || after.binary) {
      pair->instead = "binary content";
    } else if (text == Text::Counts) {
      pair->instead = counts + ", not shown: `show_diff: true` would";
    } else if (status.st_size > kMostText || wanted.size() > kMostText) {
      pair->instead = counts + ", too long to be shown";
    } else {
      if (now >= 0) pair->before = whole_text(now, status.st_size, shown);
      wanted.rewind();
      for (std::string_view piece = wanted.next(); !piece.empty(); piece = wanted.next()) pair->after += piece;
    }
    change.text = std::move(pair);
  }
  wanted.rewind();
  return change;
}

}  // namespace mgmt::file
