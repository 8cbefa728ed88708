// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/name_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/world/key.h"
#include "src/world/local/prefix.h"

namespace mgmt::world::local {
namespace {

/// A name as a file's: a leading dot would be hidden, or lead out of the folder.
std::string file_name(const std::string& name) {
  std::string escaped = escape_component(name);
  if (escaped.front() == '.') escaped.replace(0, 1, "%2E");
  return escaped;
}

std::optional<std::string> name_of(std::string_view file) {
  if (!file.starts_with("%2E")) return unescape_component(file);
  std::optional<std::string> rest = unescape_component(file.substr(3));
  if (file.size() == 3) return ".";
  if (!rest) return std::nullopt;
  return "." + *rest;
}

std::string own_command() {
  // Bounded: an argument may be megabytes long. /proc says size 0, so read_file grows as it goes.
  Fd file(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> buffer{};
  ssize_t got = file ? ::read(file.get(), buffer.data(), buffer.size()) : 0;
  std::string command(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  while (command.ends_with('\0')) command.pop_back();
  std::ranges::replace(command, '\0', ' ');
  return printable(command);
}

/// What the holder wrote: "<pid> <microseconds since 1970> <command>\n". In the instant between its lock and
/// its line there is nothing to read: then only that it is there is known.
Holder holder_of(int file) {
  std::array<char, 2048> buffer{};
  ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
  std::string_view line(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  std::int64_t pid = 0, since = 0;
  const char* end = line.data() + line.size();
  auto first = std::from_chars(line.data(), end, pid);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return {};
  auto second = std::from_chars(first.ptr + 1, end, since);
  if (second.ec != std::errc() || second.ptr == end || *second.ptr != ' ' || line.back() != '\n') return {};
  return {static_cast<pid_t>(pid), std::chrono::system_clock::time_point(std::chrono::microseconds(since)),
          std::string(second.ptr + 1, end - 1)};
}

struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

std::string ensure_presence_folder(const std::string& prefix) {
  std::string folder = join_path(ensure_db_folder(prefix), "presence");
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error::system(errno, "creating the folder " + folder);
  return folder;
}

Result<std::variant<NameLock, Holder>> NameLock::claim(const std::string& prefix, const std::string& name) try {
  if (name.empty() || name.find('\0') != name.npos || file_name(name).size() > NAME_MAX)
    return std::unexpected(Error(fmt::format("`{}` can't be the name of a host", printable(name.substr(0, 100)))));
  std::string path = join_path(ensure_presence_folder(prefix), file_name(name));
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return std::unexpected(Error::system(errno, "opening " + path));
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return holder_of(file.get());
    return std::unexpected(Error::system(errno, "locking " + path));
  }
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  std::string line = fmt::format("{} {} {}\n", ::getpid(), now.count(), own_command());
  if (::ftruncate(file.get(), 0) != 0) return std::unexpected(Error::system(errno, "writing " + path));
  try {
    write_all(file.get(), line, path);
  } catch (const Error&) {
    // The disk is full: the lock counts, the line only says whose it is.
  }
  return NameLock(std::move(file));
} catch (const Error& error) {
  return std::unexpected(error);
}

NameLock::~NameLock() {
  if (!file_) return;
  // The kernel tells of a close before it drops its lock: so that who looks then finds it gone, unlock first.
  struct flock lock = whole_file(F_UNLCK);
  ::fcntl(file_.get(), F_OFD_SETLK, &lock);
}

std::vector<std::string> taken_names(const std::string& prefix) {
  std::string folder = ensure_presence_folder(prefix);
  std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })> dir(::opendir(folder.c_str()));
  if (!dir) throw Error::system(errno, "listing " + folder);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    std::optional<std::string> name = name_of(entry->d_name);
    // Read-only, so that this close doesn't look like a holder's.
    Fd file(::openat(::dirfd(dir.get()), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct flock lock = whole_file(F_RDLCK);
    if (name && file && ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
      names.push_back(std::move(*name));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace mgmt::world::local
