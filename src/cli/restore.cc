// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <ranges>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"
#include "src/state/backup.h"
#include "src/state/database.h"
#include "src/value/hash.h"
#include "src/value/json.h"
#include "src/views/entry.h"
#include "src/world/local/name_lock.h"

namespace mgmt::cli {
namespace {

using state::Kept;

std::string json_of(const Kept& kept, std::string_view more) {
  auto micros = kept.time.time_since_epoch().count();
  return fmt::format(
      R"({{"time": {}.{:06}, "path": {}, "sha256": "{}", "size": {}, "mode": "{:04o}", "owner": {}, "group": {}{}}})",
      micros / 1000000, micros % 1000000, json_quote(kept.path), kept.sha256, kept.size, kept.mode, kept.owner,
      kept.group, more);
}

std::string text_of(const Kept& kept) {
  std::string by = kept.resource.empty() ? "`mgmt restore`" : printable(kept.resource);
  return fmt::format("{} {} {} ({}, mode {:04o}, owner {}:{}), before {}", views::time_text(kept.time),
                     kept.sha256.substr(0, 8), printable(kept.path),
                     counted(static_cast<std::size_t>(kept.size), "byte"), kept.mode, kept.owner, kept.group, by);
}

int list(const std::vector<Kept>& all, const RestoreCommand& command) {
  for (const Kept& kept : all)
    if (command.json) fmt::print("{}\n", json_of(kept, fmt::format(R"(, "resource": {})", json_quote(kept.resource))));
    else fmt::print("{}\n", text_of(kept));
  if (all.empty() && !command.json) fmt::print("nothing is kept: mgmt has overwritten nothing that it didn't write\n");
  else if (!command.json) fmt::print("`mgmt restore PATH` brings the last one back, `mgmt restore PATH SUM` another\n");
  return kOk;
}

std::string real_path(const std::string& path) {
  std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &::free);
  return real ? real.get() : path;
}

// The names of the file that somebody who types this path may mean.
std::vector<std::string> names_of(const std::string& path) {
  std::string clean = clean_path(std::filesystem::absolute(path).string());
  return {clean, join_path(real_path(parent_path(clean)), base_name(clean)), real_path(clean)};
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

std::string sum_of(int file, const std::string& path) {
  Sha256 hash;
  std::array<char, 65536> buffer;
  for (off_t at = 0;;) {
    ssize_t got = ::pread(file, buffer.data(), buffer.size(), at);
    if (got < 0) throw Error::system(errno, "reading " + path);
    if (got == 0) return hash.hex();
    hash.add({buffer.data(), static_cast<std::size_t>(got)});
    at += got;
  }
}

// The place of a path, by its folder: nothing leads elsewhere meanwhile.
class Target {
 public:
  explicit Target(const std::string& path) : path_(path), name_(base_name(path)) {
    std::string parent = parent_path(path);
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS;
    folder_ = Fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, parent.c_str(), &how, sizeof how)));
    if (!folder_ && errno == ELOOP) throw Error(fmt::format("a symlink leads to {} now, and none did before", path));
    if (!folder_) throw Error::system(errno, "opening the folder " + parent);
    struct stat status{};
    if (::fstatat(folder_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw Error::system(errno, "looking at " + path);
      return;
    }
    if (!S_ISREG(status.st_mode)) throw Error(path + " is no regular file now").hint("move it away first");
    now_ = Fd(::openat(folder_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!now_) throw Error::system(errno, "reading " + path);
  }

  /// What is there, open; none: nothing is.
  const Fd& now() const { return now_; }

  void put(int from, const Kept& kept) {
    std::string draft = fmt::format(".mgmt-restore-{}~", ::getpid());
    ::unlinkat(folder_.get(), draft.c_str(), 0);
    Fd file(::openat(folder_.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw Error::system(errno, "creating a file beside " + path_);
    try {
      copy(from, file.get());
      if (::fchown(file.get(), kept.owner, kept.group) != 0)
        throw Error::system(errno, fmt::format("giving {} to its owner", path_));
      if (::fchmod(file.get(), kept.mode) != 0) throw Error::system(errno, "setting the mode of " + path_);
      if (::fsync(file.get()) != 0) throw Error::system(errno, "syncing " + path_);
      if (::renameat(folder_.get(), draft.c_str(), folder_.get(), name_.c_str()) == 0) return;
      if (errno != EBUSY) throw Error::system(errno, "putting " + path_ + " in its place");
      // A mount point can't be renamed over.
      ::unlinkat(folder_.get(), draft.c_str(), 0);
      put_inside(from, kept);
    } catch (...) {
      ::unlinkat(folder_.get(), draft.c_str(), 0);
      throw;
    }
  }

 private:
  void copy(int from, int to) const {
    std::array<char, 65536> buffer;
    for (off_t at = 0;;) {
      ssize_t got = ::pread(from, buffer.data(), buffer.size(), at);
      if (got < 0) throw Error::system(errno, "reading what was kept of " + path_);
      if (got == 0) return;
      write_all(to, {buffer.data(), static_cast<std::size_t>(got)}, path_);
      at += got;
    }
  }
  void put_inside(int from, const Kept& kept) const {
    Fd file(::openat(folder_.get(), name_.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
    if (!file) throw Error::system(errno, "writing into " + path_);
    copy(from, file.get());
    if (::fchown(file.get(), kept.owner, kept.group) != 0 || ::fchmod(file.get(), kept.mode) != 0 ||
        ::fsync(file.get()) != 0)
      throw Error::system(errno, "writing into " + path_);
  }

  const std::string& path_;
  std::string name_;
  Fd folder_, now_;
};

// The resource that the agent's last graph has at one of the names, if any.
std::optional<state::Known> manager_of(const Place& place, const std::vector<std::string>& names) {
  std::optional<state::Known> manager;
  state::read_database(place.database(), [&](state::Rows& rows) {
    for (const std::string& name : names)
      if (std::optional<state::Known> known = rows.at_path(name); known && !manager) manager = std::move(known);
  });
  return manager;
}

bool runs(const Place& place) {
  try {
    std::vector<std::string> taken = world::local::taken_names(place.prefix);
    return holds(taken, place.hostname);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

int restore(const RestoreCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  state::Backup backup(place.prefix);
  std::vector<Kept> all = backup.list();
  if (command.path.empty()) return list(all, command);

  std::vector<std::string> names = names_of(command.path);
  std::erase_if(all,
                [&](const Kept& kept) { return !holds(names, kept.path) || !kept.sha256.starts_with(command.sum); });
  if (all.empty())
    throw Error(fmt::format("nothing is kept of {}{}", printable(command.path),
                            command.sum.empty() ? "" : fmt::format(" with a sum that begins with {}", command.sum)))
        .hint("`mgmt restore` lists what is");
  Target target(all.back().path);
  std::optional<state::Known> manager = manager_of(place, names);
  std::string now = target.now() ? sum_of(target.now().get(), command.path) : "";
  auto found = std::ranges::find_if(all | std::views::reverse, [&](const Kept& kept) { return kept.sha256 != now; });
  bool done = found == (all | std::views::reverse).end();
  const Kept& kept = done ? all.back() : *found;

  if (!done) {
    // What is there now isn't lost either, unless a graph says it.
    if (target.now() && !(manager && manager->content == now)) {
      struct stat status{};
      if (::fstat(target.now().get(), &status) != 0) throw Error::system(errno, "looking at " + command.path);
      if (status.st_size > backup.limits().file)
        throw Error(fmt::format("{} is too large now to be kept", command.path)).hint("move it away first");
      backup.keep(target.now().get(), status, kept.path, "");
    }
    target.put(backup.open(kept).get(), kept);
  }
  bool running = manager && runs(place);
  if (command.json) {
    std::string more = fmt::format(R"(, "outcome": "{}")", done ? "there" : "restored");
    if (manager)
      more += fmt::format(R"(, "managed_by": {}, "running": {})", json_quote(manager->id), running ? "true" : "false");
    fmt::print("{}\n", json_of(kept, more));
    return kOk;
  }
  fmt::print("{} {}\n", done ? "already there:" : "restored:", text_of(kept));
  if (manager)
    fmt::print(stderr, "mgmt: {} manages it{}: {} undo this\n  hint: take it out of the graph{}\n",
               printable(manager->id), running ? ", and the agent is running" : "",
               running ? "that will" : "the next run will", running ? ", or stop the agent, first" : "");
  return kOk;
}

}  // namespace mgmt::cli
