// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/ground.h"

#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/file/describe.h"
#include "src/resources/file/mode.h"
#include "src/resources/file/owner.h"
#include "src/resources/file/write.h"

namespace mgmt::file {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's own limit

bool is_root() {
  static const bool root = ::geteuid() == 0;
  return root;
}

// In a user namespace, what belongs to nobody in it belongs to those who made it, and has power over us anyway; shown
// as this id, unless that one is a user of its own in here.
std::optional<uid_t> id_of_outside() {
  constexpr unsigned long kOverflow = 65534, kAll = 4294967295;
  std::string map;
  try {
    map = read_file("/proc/self/uid_map");
  } catch (const Error&) {
    return std::nullopt;
  }
  for (std::string_view line : split_lines(map)) {
    unsigned long first = 0, outside = 0, count = 0;
    if (std::sscanf(std::string(line).c_str(), "%lu %lu %lu", &first, &outside, &count) != 3) return std::nullopt;
    if (count == kAll || (first <= kOverflow && kOverflow - first < count)) return std::nullopt;
  }
  return kOverflow;
}

// 0 for who may do anything to us anyway.
uid_t user_of(const struct stat& status) {
  static const std::optional<uid_t> outside = id_of_outside();
  return outside && status.st_uid == *outside ? 0 : status.st_uid;
}

bool is_roots_group(gid_t group) {
  static const std::optional<uid_t> outside = id_of_outside();
  return group == 0 || (outside && group == *outside);
}

// A group of the user's own, as Red Hat's and Ubuntu's have it: nobody else is in it.
bool is_private_group(gid_t group, uid_t user) { return user != 0 && group_name(group) == user_name(user); }

bool has_access_list(int fd) {
  return ::getxattr(fmt::format("/proc/self/fd/{}", fd).c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

Fd open_path(int folder, const char* name) { return Fd(::openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)); }

struct stat status_of(int fd, const std::string& shown) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw Error::system(errno, "looking at " + shown);
  return status;
}

// Goes from `/` to a folder, component by component, each by the descriptor of the one before.
class Walk {
 public:
  explicit Walk(const std::string& shown) : shown_(shown) { begin(); }

  // False where it ends at something that is missing or no folder: who works with the path gets to know.
  bool to(const std::string& folder) {
    for (std::string_view part : path_components(folder)) rest_.emplace_back(part);
    while (!rest_.empty()) {
      std::string name = std::move(rest_.front());
      rest_.pop_front();
      if (!step(name)) return false;
    }
    return true;
  }
  Fd take() { return std::move(at_); }
  const Hands& hands() const { return hands_; }

 private:
  void begin() {
    at_ = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!at_) throw Error::system(errno, "opening /");
    where_ = "/";
    enter(status_of(at_.get(), where_));
  }

  bool step(const std::string& name) {
    Fd next = open_path(at_.get(), name.c_str());
    std::string shown = name == ".." ? where_ + "/.." : join_path(where_, name);
    if (!next && (errno == ENOENT || errno == ENOTDIR)) return false;
    if (!next) throw Error::system(errno, "opening " + shown);
    struct stat status = status_of(next.get(), shown);
    if (S_ISLNK(status.st_mode)) return link(next.get(), status, shown);
    if (!S_ISDIR(status.st_mode)) return false;
    at_ = std::move(next);
    where_ = std::move(shown);
    enter(status);
    return true;
  }

  bool link(int fd, const struct stat& status, const std::string& shown) {
    if (++links_ > kMostLinks) throw Error(shown_ + ": too many symlinks on the way");
    if (hands_.shared) pass_to(user_of(status), shown);
    std::string target(PATH_MAX, '\0');
    ssize_t size = ::readlinkat(fd, "", target.data(), target.size());
    if (size < 0) throw Error::system(errno, "reading the symlink " + shown);
    target.resize(static_cast<std::size_t>(size));
    std::deque<std::string> parts;
    for (std::string_view part : path_components(target))
      if (part != ".") parts.emplace_back(part);
    rest_.insert(rest_.begin(), parts.begin(), parts.end());
    if (!target.starts_with('/')) return true;
    if (hands_.user != 0)
      throw Error(fmt::format("{}: the symlink {} is in the hands of {}, who could let it lead anywhere", shown_, shown,
                              user_name(hands_.user)))
          .hint("as root, mgmt goes from a user's folder only to what is below it");
    begin();
    return true;
  }

  // `user` has what comes next.
  void pass_to(uid_t user, const std::string& shown) {
    if (hands_.user != 0 && user != hands_.user)
      throw Error(fmt::format("{}: {} belongs to {}, in a folder of {}'s, who could put anything in its place", shown_,
                              shown, user_name(user), user_name(hands_.user)))
          .hint("as root, mgmt goes through folders of root's, and of one other user to what is his own");
    hands_.user = user;
  }

  void enter(const struct stat& status) {
    pass_to(user_of(status), where_);
    hands_.shared = false;
    bool others = (status.st_mode & S_IWOTH) != 0;
    bool group = (status.st_mode & S_IWGRP) != 0 && !is_private_group(status.st_gid, hands_.user) &&
                 (!is_roots_group(status.st_gid) || has_access_list(at_.get()));
    if (!others && !group) return;
    if ((status.st_mode & S_ISVTX) != 0) {
      hands_.shared = true;
      return;
    }
    throw Error(fmt::format("{}: {} may be written by {} (mode {}), who could put anything in its place", shown_,
                            where_, others ? "everybody" : "the group " + group_name(status.st_gid),
                            octal(status.st_mode)))
        .hint(fmt::format("`chmod {} {}` takes that right away; the sticky bit (`chmod +t`) lets each replace only his "
                          "own",
                          others ? "go-w" : "g-w", where_));
  }

  const std::string& shown_;
  Fd at_;
  std::string where_;
  Hands hands_;
  std::deque<std::string> rest_;
  int links_ = 0;
};

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

std::atomic<unsigned> generation = 0;

// The folders that this thread found in root's hands of late.
class Remembered {
 public:
  using Clock = std::chrono::steady_clock;

  const Hands* find(std::string_view folder) {
    if (unsigned now = generation.load(std::memory_order_relaxed); now != generation_) {
      folders_.clear();
      generation_ = now;
    }
    auto found = folders_.find(folder);
    return found != folders_.end() && Clock::now() < found->second.until ? &found->second.hands : nullptr;
  }
  void add(std::string_view folder, const Hands& hands) {
    constexpr std::size_t kMost = 4096;
    if (folders_.size() >= kMost) folders_.clear();
    folders_.insert_or_assign(std::string(folder), Entry{hands, Clock::now() + std::chrono::seconds(1)});
  }

 private:
  struct Entry {
    Hands hands;
    Clock::time_point until;
  };
  std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> folders_;
  unsigned generation_ = 0;
};

std::string_view folder_of(std::string_view path) { return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)); }

}  // namespace

Ground::Ground(const std::string& path) : spot_{.name = path.c_str(), .shown = path} {
  if (!is_root()) return;
  thread_local Remembered remembered;
  std::string_view folder = folder_of(path);
  if (const Hands* hands = remembered.find(folder)) {
    hands_ = *hands;
    return;
  }
  Walk walk(path);
  bool there = walk.to(std::string(folder));
  hands_ = walk.hands();
  if (hands_.user == 0) {
    if (there) remembered.add(folder, hands_);
    if (there || !hands_.shared) return;
  }
  name_ = base_name(path);
  if (name_.empty()) return;
  // Somebody else may make the folder that is missing, as what he likes: nothing is found in what is no folder.
  folder_ = there ? walk.take() : Fd(::open("/dev/null", O_PATH | O_CLOEXEC));
  if (!folder_) throw Error::system(errno, "opening /dev/null");
  spot_.folder = folder_.get();
  spot_.name = name_.c_str();
}

void Ground::allow(const struct stat* there, uid_t owner) const {
  if (!is_root() || (hands_.user == 0 && !hands_.shared)) return;
  uid_t now = there ? user_of(*there) : 0;
  uid_t then = owner != kAsFound ? owner : now;
  if (hands_.user == 0) {
    if (!there || now == 0 || now == owner) return;
    throw Error(
        fmt::format("{} belongs to {}, in a folder where everybody may put something", spot_.shown, user_name(now)))
        .hint(fmt::format("remove it, or declare `owner: {}`, who can replace it at any time", user_name(now)));
  }
  std::string user = user_name(hands_.user);
  // A hard link could be of any file of root's; what has one name was put here by root.
  bool is_roots_own = there && now == 0 && (there->st_nlink == 1 || S_ISDIR(there->st_mode));
  if (there && now != hands_.user && !is_roots_own)
    throw Error(fmt::format("{} belongs to {}, in a folder of {}'s, who could put anything in its place", spot_.shown,
                            user_name(now), user))
        .hint("remove it first");
  if (then != hands_.user)
    throw Error(fmt::format("{} is in a folder of {}'s, who could put anything in its place, and is to belong to {}",
                            spot_.shown, user, user_name(then)))
        .hint(fmt::format("declare `owner: {}`, or put it in a folder of root's", user));
}

std::string follow_links(const std::string& path) {
  std::string at = path;
  uid_t hands = 0;
  for (int links = 0; links < kMostLinks; ++links) {
    Ground ground(at);
    if (hands != 0 && ground.hands().user != hands)
      throw Error(fmt::format("the symlink {} is in the hands of {}, and leads to {}, which isn't", path,
                              user_name(hands), at));
    hands = ground.hands().user;
    std::optional<Found> found = look(ground.spot());
    if (!found || !S_ISLNK(found->status.st_mode)) return at;
    ground.allow(&found->status, kAsFound);
    std::string target = read_link(ground.spot());
    if (!target.starts_with('/')) target = join_path(parent_path(at), target);
    while (target.size() > 1 && target.ends_with('/')) target.pop_back();
    // The folder as it is: `..` in it is what the kernel says, not what the text does.
    std::string folder(folder_of(target)), name = target.substr(target.rfind('/') + 1);
    std::unique_ptr<char, void (*)(void*)> real(::realpath(folder.c_str(), nullptr), &::free);
    if (!real) throw Error::system(errno, fmt::format("following the symlink {} to {}", at, printable(target)));
    if (name.empty() || name == "." || name == "..")
      throw Error(fmt::format("the symlink {} leads to a folder, {}", at, printable(target)));
    at = join_path(real.get(), name);
  }
  throw Error(path + ": too many symlinks on the way");
}

void forget_grounds() { generation.fetch_add(1, std::memory_order_relaxed); }

bool is_reachable_by_all(const std::string& path) {
  for (std::string folder = parent_path(path);; folder = parent_path(folder)) {
    struct stat status{};
    // What is missing will be made for all.
    if (::stat(folder.c_str(), &status) == 0 ? (status.st_mode & S_IXOTH) == 0 : errno != ENOENT) return false;
    if (folder == "/") return true;
  }
}

}  // namespace mgmt::file
