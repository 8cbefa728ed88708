// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/trust.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"

namespace mgmt::cli {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit
constexpr const char* kOverride = "--trust-file runs it all the same";

std::optional<uid_t> number(std::string_view text) {
  uid_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

bool in_foreground() {
  Fd terminal(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
  return terminal && ::tcgetpgrp(terminal.get()) == ::getpgrp();
}

// In a user namespace that doesn't have all users, files of the others are shown as one user's: the machine's own root
// can't be told from them there.
std::optional<uid_t> unmapped_owner() {
  try {
    constexpr std::string_view kAll = "4294967295";
    std::string map = read_file("/proc/self/uid_map");
    while (map.ends_with('\n')) map.pop_back();
    if (map.ends_with(kAll)) return std::nullopt;
    return number(read_file("/proc/sys/kernel/overflowuid"));
  } catch (const Error&) {
    return std::nullopt;  // without /proc nobody is added to whom is trusted
  }
}

void push_components(std::string_view path, std::vector<std::string>& into) {
  std::vector<std::string_view> parts = path_components(path);
  for (std::size_t i = parts.size(); i > 0; --i) into.emplace_back(parts[i - 1]);
}

// A link such as /proc/self/fd/0 leads to what a process has open: who opened it chose it.
bool is_open_descriptor(const std::string& link) {
  struct statfs system{};
  return ::statfs(parent_path(link).c_str(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

Trust Trust::of_root(std::optional<uid_t> friend_of_root) {
  Trust trust;
  trust.strict_ = true;
  trust.friend_ = friend_of_root;
  trust.unmapped_ = unmapped_owner();
  return trust;
}

Trust Trust::of_this_process(bool everything) {
  if (everything || ::geteuid() != 0) return {};
  const char* caller = std::getenv("SUDO_UID");
  return of_root(caller && in_foreground() ? number(caller) : std::nullopt);
}

bool Trust::is_trusted(uid_t owner) const { return owner == 0 || owner == friend_ || owner == unmapped_; }

std::optional<Error> Trust::judge_entry(const std::string& path, const std::string& entry,
                                        const struct stat& status) const {
  std::string what = printable(entry);
  std::string whose = entry == path ? what : fmt::format("{}: {}", printable(path), what);
  if (!is_trusted(status.st_uid))
    return Error(fmt::format("{} belongs to user {}, who could change what root runs", whose, status.st_uid))
        .hint(fmt::format("chown {}root {}; {}", S_ISLNK(status.st_mode) ? "-h " : "", what, kOverride));
  bool by_others = !S_ISLNK(status.st_mode) && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (!by_others || (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX))) return std::nullopt;
  return Error(fmt::format("{} can be written by others (mode {:04o}), who could change what root runs", whose,
                           status.st_mode & 07777))
      .hint(fmt::format("chmod go-w {}; {}", what, kOverride));
}

std::optional<Error> Trust::judge(const std::string& path) const {
  if (!strict_) return std::nullopt;
  std::string whole = std::filesystem::absolute(path).string();
  std::vector<std::string> todo;
  push_components(whole, todo);
  std::string at = "/";
  struct stat status{};
  if (::lstat("/", &status) == 0)
    if (auto wrong = judge_entry(whole, at, status)) return wrong;
  for (int links = 0; !todo.empty();) {
    std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      at = parent_path(at);  // no link is left in it
      continue;
    }
    std::string next = join_path(at, part);
    if (::lstat(next.c_str(), &status) != 0) return std::nullopt;
    if (!S_ISLNK(status.st_mode)) {
      if (auto wrong = judge_entry(whole, next, status)) return wrong;
      at = std::move(next);
      continue;
    }
    if (is_open_descriptor(next) && parent_path(next) != "/proc") return std::nullopt;
    if (auto wrong = judge_entry(whole, next, status)) return wrong;
    std::array<char, PATH_MAX> target;
    ssize_t size = ::readlink(next.c_str(), target.data(), target.size());
    if (size <= 0 || ++links > kMaxLinks) return std::nullopt;
    std::string_view text(target.data(), static_cast<std::size_t>(size));
    if (text.starts_with('/')) at = "/";
    push_components(text, todo);
  }
  return std::nullopt;
}

}  // namespace mgmt::cli
