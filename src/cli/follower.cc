// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/follower.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include "src/base/fd.h"

namespace mgmt::cli {

using namespace std::chrono_literals;

namespace {

constexpr Duration kQuiet = 100ms;
constexpr Duration kLongSave = 5s;

enum class Writers { None, Some, Unknown };

Writers writers_of(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return Writers::Unknown;
  // Somebody who opens it to write while we hold the lease is made to wait until it is gone, and we are told: by a
  // signal that nobody minds, in place of SIGIO, which would end us.
  if (::fcntl(file.get(), F_SETSIG, SIGURG) != 0) return Writers::Unknown;
  if (::fcntl(file.get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? Writers::Some : Writers::Unknown;
  ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
  return Writers::None;
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

Follower::Follower(Loop& loop, events::FileWatcher& files, const GraphFiles& graph, Calls calls)
    : files_(files), graph_(graph), calls_(std::move(calls)), quiet_(loop), waiting_(loop) {
  watch();
  stamps_ = stamps();
  quiet_.after(Duration(0), [this] { look(); });
}

std::vector<Follower::Stamp> Follower::stamps() const {
  std::vector<std::string> paths;
  try {
    paths = graph_.list();
  } catch (const Error&) {
    paths = graph_.named();  // a folder that can't be read: its reader will say so
  }
  std::vector<Stamp> stamps;
  for (std::string& path : paths) {
    Stamp& stamp = stamps.emplace_back(Stamp{.path = std::move(path)});
    struct stat status{};
    if (::stat(stamp.path.c_str(), &status) != 0) continue;
    stamp.device = status.st_dev;
    stamp.inode = status.st_ino;
    stamp.size = status.st_size;
    stamp.modified = nanoseconds(status.st_mtim);
    stamp.changed = nanoseconds(status.st_ctim);
  }
  return stamps;
}

void Follower::watch() {
  std::vector<std::unique_ptr<events::FileWatcher::Watch>> watches;
  auto add = [&](const std::string& path, events::FileWatcher::Options options) {
    options.follow = true;
    watches.push_back(files_.watch(std::filesystem::absolute(path).string(), options,
                                   [this](events::FileWatcher::Event) { on_event(); }));
  };
  for (const std::string& name : graph_.named()) {
    struct stat status{};
    if (::stat(name.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) add(name, {.recursive = true, .closes = true});
  }
  for (const Stamp& stamp : stamps()) add(stamp.path, {.closes = writers_of(stamp.path) == Writers::Unknown});
  // The old ones go last, so that no folder is unwatched for a moment.
  watches_ = std::move(watches);
}

void Follower::on_event() {
  stamps_ = stamps();
  quiet_.after(kQuiet, [this] { look(); });
}

void Follower::look() {
  if (!is_unchanged()) return on_event();
  for (const Stamp& stamp : stamps_) {
    if (writers_of(stamp.path) != Writers::Some) continue;
    // Its close is an event.
    waiting_.after(kLongSave, [this, path = stamp.path] {
      calls_.on_waiting(fmt::format("{} was changed, and is still open for writing: it is read when that ends", path));
    });
    return calls_.on_looked();
  }
  waiting_.cancel();
  watch();
  calls_.on_saved();
  calls_.on_looked();
}

bool Follower::is_unchanged() const { return stamps_ == stamps(); }

}  // namespace mgmt::cli
