// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/temporary.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {
namespace {

constexpr std::string_view kPrefix = ".mgmt-";

struct Writer {
  std::uint64_t system = 0;  // the boot and the name space of process ids
  std::uint64_t pid = 0;
  std::uint64_t start = 0;  // clock ticks after the boot
};

// Field 22 of /proc/PID/stat; the second one, the command's name in parentheses, may hold anything.
std::optional<std::uint64_t> start_of(std::uint64_t pid) {
  std::string text;
  try {
    text = read_file(fmt::format("/proc/{}/stat", pid));
  } catch (const Error&) {
    return std::nullopt;
  }
  std::size_t at = text.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  std::uint64_t start = 0;
  if (at == std::string::npos) return std::nullopt;
  std::from_chars(text.data() + at + 1, text.data() + text.size(), start);
  return start;
}

std::uint64_t this_system() {
  std::string boot;
  try {
    boot = read_file("/proc/sys/kernel/random/boot_id");
  } catch (const Error&) {
    // A /proc without it: the name space alone has to do.
  }
  struct stat space{};
  ::stat("/proc/self/ns/pid", &space);
  std::uint64_t mixed = 0xcbf29ce484222325;  // FNV-1a
  for (char c : boot) mixed = (mixed ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return (mixed ^ space.st_ino) & 0xffffffff;
}

const Writer& self() {
  static const Writer writer = [] {
    auto pid = static_cast<std::uint64_t>(::getpid());
    return Writer{this_system(), pid, start_of(pid).value_or(0)};
  }();
  return writer;
}

std::optional<Writer> writer_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with('~')) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(1);
  std::uint64_t parts[4] = {};
  for (int i = 0; i < 4; ++i) {
    std::size_t dash = name.find('-');
    if ((dash == std::string_view::npos) != (i == 3)) return std::nullopt;
    std::string_view part = name.substr(0, dash);
    auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), parts[i], i == 0 ? 16 : 10);
    if (failure != std::errc() || end != part.data() + part.size()) return std::nullopt;
    if (i < 3) name.remove_prefix(dash + 1);
  }
  return Writer{parts[0], parts[1], parts[2]};
}

bool is_alive(const Writer& writer) {
  const Writer& me = self();
  // Another boot: dead. Another container's: can't be seen from here, and a live writer whose file goes writes it
  // again.
  if (writer.system != me.system) return false;
  if (writer.pid == me.pid) return writer.start == me.start;
  if (std::optional<std::uint64_t> start = start_of(writer.pid)) return *start == writer.start;
  return ::kill(static_cast<pid_t>(writer.pid), 0) == 0 || errno == EPERM;
}

void sweep(const std::string& folder, int fd) {
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), &::closedir);
  if (!entries) {
    ::close(fd);
    return;
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    std::optional<Writer> writer = writer_of(entry->d_name);
    if (!writer || is_alive(*writer)) continue;
    try {
      remove_entry({.folder = ::dirfd(entries.get()), .name = entry->d_name, .shown = join_path(folder, entry->d_name)},
                   Inside::Remove);
    } catch (const Error&) {
      // Not ours to remove (another user's, in /tmp), or already gone: no harm to the resource at hand.
    }
  }
}

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

std::mutex swept_mutex;
std::unordered_set<std::string, TextHash, std::equal_to<>> swept;  // guarded by swept_mutex

}  // namespace

void append_temporary_name(std::string& to) {
  static std::atomic<std::uint64_t> number = 0;
  const Writer& me = self();
  fmt::format_to(std::back_inserter(to), "{}{:x}-{}-{}-{}~", kPrefix, me.system, me.pid, me.start,
                 number.fetch_add(1, std::memory_order_relaxed));
}

bool is_temporary_name(std::string_view name) { return writer_of(name).has_value(); }

void sweep_folder_of(std::string_view path) {
  std::string_view folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  {
    std::lock_guard lock(swept_mutex);
    if (swept.contains(folder)) return;
    swept.emplace(folder);
  }
  std::string name(folder);
  int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) return sweep(name, fd);
  // Not there yet (or not mounted yet): look when it is.
  std::lock_guard lock(swept_mutex);
  swept.erase(name);
}

}  // namespace mgmt::file
