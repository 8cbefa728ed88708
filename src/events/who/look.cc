// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/who/look.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <vector>

#include "src/base/fd.h"
#include "src/base/text.h"

namespace mgmt::events {
namespace {

std::string read_proc(pid_t pid, const char* name) {
  Fd file(::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  std::array<char, 4096> buffer;
  ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

template <class Number>
Number number_of(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Where nobody has logged in the kernel says -1.
std::optional<std::uint32_t> audit_number(pid_t pid, const char* name) {
  std::string text = read_proc(pid, name);
  if (text.empty()) return std::nullopt;
  auto number = number_of<std::uint32_t>(text);
  return number == UINT32_MAX ? std::nullopt : std::optional(number);
}

ino_t mount_namespace(const std::string& process) {
  struct stat found{};
  return ::stat(("/proc/" + process + "/ns/mnt").c_str(), &found) == 0 ? found.st_ino : 0;
}

// The same number is another terminal where somebody else has mounted their own.
bool has_our_terminals(pid_t pid) {
  ino_t its = mount_namespace(std::to_string(pid));
  return its != 0 && (its == mount_namespace("self") || its == mount_namespace("1"));
}

// Of tty_nr in proc(5): the terminals of programs and the console's.
std::string terminal_of(unsigned major, unsigned minor) {
  constexpr unsigned kPts = 136, kPtsEnd = 143, kConsole = 4, kConsoles = 64;
  if (major >= kPts && major <= kPtsEnd) return fmt::format("/dev/pts/{}", (major - kPts) * 256 + minor);
  if (major == kConsole && minor < kConsoles) return fmt::format("/dev/tty{}", minor);
  return {};
}

}  // namespace

std::optional<Process> look_at(pid_t pid) {
  std::string text = read_proc(pid, "stat");
  // The name may hold anything, blanks and brackets too.
  std::size_t open = text.find('('), close = text.rfind(')');
  if (open == text.npos || close == text.npos || close + 2 > text.size()) return std::nullopt;
  std::vector<std::string_view> fields;
  std::string_view rest = std::string_view(text).substr(close + 2);
  for (std::size_t at = 0; at < rest.size();) {
    std::size_t end = std::min(rest.find(' ', at), rest.size());
    fields.push_back(rest.substr(at, end - at));
    at = end + 1;
  }
  // From the third of proc(5)'s on: state ppid pgrp session tty_nr ... starttime.
  constexpr std::size_t kParent = 1, kTerminal = 4, kStarted = 19;
  if (fields.size() <= kStarted) return std::nullopt;
  Process process{.pid = pid, .command = text.substr(open + 1, close - open - 1)};
  process.parent = number_of<pid_t>(fields[kParent]);
  process.started = number_of<std::uint64_t>(fields[kStarted]);
  auto terminal = static_cast<unsigned>(number_of<int>(fields[kTerminal]));
  if (terminal != 0 && has_our_terminals(pid)) {
    unsigned major = (terminal >> 8) & 0xfff, minor = (terminal & 0xff) | ((terminal >> 12) & 0xfff00);
    process.terminal = terminal_of(major, minor);
    process.terminal_device = makedev(major, minor);
  }
  return process;
}

void look_closer(Process& process) {
  process.uid = audit_number(process.pid, "loginuid");
  process.session = audit_number(process.pid, "sessionid");
  struct stat folder{};
  if (!process.uid && ::stat(fmt::format("/proc/{}", process.pid).c_str(), &folder) == 0) process.uid = folder.st_uid;
  process.unit = unit_of(read_proc(process.pid, "cgroup"));
}

std::string unit_of(std::string_view cgroup) {
  for (std::string_view line : split_lines(cgroup)) {
    bool is_systemds = line.starts_with("0::") || line.find(":name=systemd:") != line.npos;
    if (!is_systemds) continue;
    while (!line.empty()) {
      std::size_t slash = line.rfind('/');
      if (slash == line.npos) break;
      std::string_view part = line.substr(slash + 1);
      if (part.ends_with(".service") || part.ends_with(".scope")) return std::string(part);
      line = line.substr(0, slash);
    }
  }
  return {};
}

std::string local_user(uid_t uid) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file(std::fopen("/etc/passwd", "re"));
  if (!file) return {};
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  while (::fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0)
    if (found->pw_uid == uid) return found->pw_name;
  return {};
}

}  // namespace mgmt::events
