// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/cause.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"

namespace mgmt {
namespace {

// The nearest of `path` and what is above it that is there.
std::string nearest(std::string path) {
  struct stat status{};
  while (path != "/" && ::lstat(path.c_str(), &status) != 0) path = parent_path(path);
  return path;
}

struct Mount {
  std::string point;
  std::string what;  // "ext4 on /dev/sda1"
  bool read_only = false;
};

// A line of mountinfo: proc(5).
Mount read_mount(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t begin = 0; begin < line.size();) {
    std::size_t end = std::min(line.find(' ', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  Mount mount;
  if (fields.size() < 7) return mount;
  mount.point = fields[4];
  mount.read_only = fields[5].starts_with("ro");
  for (std::size_t i = 6; i + 2 < fields.size(); ++i)
    if (fields[i] == "-") mount.what = fmt::format("{} on {}", fields[i + 1], fields[i + 2]);
  return mount;
}

std::optional<Mount> mount_of(const std::string& path) try {
  struct statx extended{};
  if (::statx(AT_FDCWD, nearest(path).c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &extended) != 0 ||
      (extended.stx_mask & STATX_MNT_ID) == 0)
    return std::nullopt;
  std::string number = fmt::format("{} ", extended.stx_mnt_id), all = read_file("/proc/self/mountinfo");
  for (std::string_view line : split_lines(all))
    if (line.starts_with(number)) return read_mount(line);
  return std::nullopt;
} catch (const Error&) {
  return std::nullopt;  // no /proc: then it can't be named
}

std::string mount_text(const std::string& path) {
  auto mount = mount_of(path);
  return mount ? fmt::format("{} ({})", printable(mount->point), printable(mount->what)) : "its file system";
}

Cause read_only(const std::string& path) {
  return {fmt::format("{} is mounted read-only", mount_text(path)),
          "mount it writable, or take what lies there out of the graph"};
}

std::string size_text(std::uintmax_t bytes) {
  constexpr std::array kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto number = static_cast<double>(bytes);
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  return fmt::format("{:.{}f} {}", number, unit == 0 ? 0 : 1, kUnits[unit]);
}

Cause no_space(const std::string& path) {
  struct statvfs space{};
  if (::statvfs(nearest(path).c_str(), &space) != 0) return {};
  std::string where = mount_text(path);
  if (space.f_files > 0 && space.f_favail == 0)
    return {fmt::format("no inode is left on {}, which has {}", where, space.f_files),
            "it holds too many files: remove some (df -i shows how many there are)"};
  std::uintmax_t all = std::uintmax_t{space.f_blocks} * space.f_frsize;
  if (space.f_bavail == 0 && space.f_bfree > 0)
    return {fmt::format("of {} on {} only what is kept for root is left", size_text(all), where),
            "make room (df shows how much there is)"};
  std::uintmax_t left = std::uintmax_t{space.f_bavail} * space.f_frsize;
  return {fmt::format("{} are left of {} on {}", size_text(left), size_text(all), where),
          "make room (df shows how much there is)"};
}

Cause no_quota(const std::string& path) {
  return {fmt::format("the quota of user {} or group {} on {} is used up", ::geteuid(), ::getegid(), mount_text(path)),
          "quota(1) shows what is allowed"};
}

struct Capability {
  int number;
  std::string_view name;
};
// Those that root's work on files needs.
constexpr std::array<Capability, 6> kCapabilities{{{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
                                                   {CAP_CHOWN, "CAP_CHOWN"},
                                                   {CAP_FOWNER, "CAP_FOWNER"},
                                                   {CAP_FSETID, "CAP_FSETID"},
                                                   {CAP_SETFCAP, "CAP_SETFCAP"},
                                                   {CAP_MKNOD, "CAP_MKNOD"}}};

std::string missing_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return {};
  std::vector<std::string_view> missing;
  for (const Capability& one : kCapabilities)
    if ((sets[0].effective >> one.number & 1) == 0) missing.push_back(one.name);
  return missing.empty() ? std::string() : enumeration(missing, "and");
}

// True where not every number is somebody's: in a user namespace.
bool ids_are_mapped() try { return !read_file("/proc/self/uid_map").contains("4294967295"); } catch (const Error&) {
  return false;
}

constexpr unsigned kNobody = 65534;  // /proc/sys/kernel/overflowuid, which nobody changes

std::optional<Cause> locked(const std::string& path) {
  struct statx extended{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &extended) != 0) return std::nullopt;
  bool immutable = (extended.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
  bool append = (extended.stx_attributes & STATX_ATTR_APPEND) != 0;
  if (!immutable && !append) return std::nullopt;
  std::string letter = immutable ? "i" : "a";
  return Cause{fmt::format("{} is {} (chattr +{})", printable(path), immutable ? "immutable" : "append-only", letter),
               fmt::format("`chattr -{} {}` lets it be changed", letter, printable(path))};
}

Cause not_permitted(const std::string& path) {
  std::string there = nearest(path);
  if (there == path)
    if (auto cause = locked(path)) return *cause;
  if (auto cause = locked(there == path ? parent_path(path) : there)) return *cause;
  struct stat status{};
  bool known = ::lstat(there.c_str(), &status) == 0;
  if (known && ids_are_mapped() && (status.st_uid == kNobody || status.st_gid == kNobody))
    return {fmt::format("{} belongs to somebody who isn't mapped in this user namespace", printable(there)),
            "/proc/self/uid_map and gid_map say who is; only a process outside can change it"};
  if (::geteuid() == 0) {
    if (std::string missing = missing_capabilities(); !missing.empty())
      return {fmt::format("mgmt is root here without {}", missing),
              "a container's runtime or a unit's CapabilityBoundingSet= took that away"};
    return {};
  }
  if (known && status.st_uid != ::geteuid())
    return {fmt::format("{} belongs to user {}, and mgmt runs as {}", printable(there), status.st_uid, ::geteuid()),
            "run it as root, or as the owner"};
  return {"only root may do that", "run it as root"};
}

std::string owner_text(const struct stat& status) {
  return fmt::format("{:04o}, of user {} and group {}", status.st_mode & 07777, status.st_uid, status.st_gid);
}

// The first component of the path that says no.
Cause denied(const std::string& path) {
  std::string who = fmt::format("user {}", ::geteuid());
  std::string so_far = "/";
  struct stat status{};
  std::string folder = parent_path(path);
  for (std::string_view component : path_components(folder)) {
    if (::stat(so_far.c_str(), &status) == 0 && ::faccessat(AT_FDCWD, so_far.c_str(), X_OK, AT_EACCESS) != 0)
      return {fmt::format("{} may not enter {} ({})", who, printable(so_far), owner_text(status)), {}};
    so_far = join_path(so_far, component);
  }
  bool there = ::stat(folder.c_str(), &status) == 0;
  if (there && ::faccessat(AT_FDCWD, folder.c_str(), X_OK, AT_EACCESS) != 0)
    return {fmt::format("{} may not enter {} ({})", who, printable(folder), owner_text(status)), {}};
  struct stat own{};
  if (::stat(path.c_str(), &own) == 0 && ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0)
    return {fmt::format("{} may not read {} ({})", who, printable(path), owner_text(own)), {}};
  if (there && ::faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) != 0)
    return {fmt::format("{} may not write to {} ({})", who, printable(folder), owner_text(status)), {}};
  if (::geteuid() == 0) {
    if (std::string missing = missing_capabilities(); !missing.empty())
      return {fmt::format("mgmt is root here without {}", missing), {}};
  }
  return {"the modes along the path allow it: a security module or the file system itself says no",
          "the kernel's or the audit log names it (SELinux, AppArmor, a FUSE mount of somebody else's)"};
}

Cause unmapped() {
  if (!ids_are_mapped()) return {};
  return {"that user or group isn't mapped in this user namespace",
          "/proc/self/uid_map and gid_map say who is; only a process outside can change it"};
}

}  // namespace

Cause cause_of(int error, const std::string& path) {
  if (!path.starts_with('/')) return {};
  switch (error) {
    case EPERM: return not_permitted(path);
    case EACCES: return denied(path);
    case EROFS: return read_only(path);
    case ENOSPC: return no_space(path);
    case EDQUOT: return no_quota(path);
    case EINVAL:
    case EOVERFLOW: return unmapped();
    default: return {};
  }
}

namespace {

// "creating /srv/a/b: Permission denied" is about /srv/a/b, also if the resource is /srv/a; and what names another
// path, as a source, is about that. Words may follow: "putting /srv/a/b in its place".
std::string path_in(const Error& error, const std::string& path) {
  const std::string& text = error.text();
  std::size_t begin = text.find(path), end = text.rfind(": ");
  bool named = !path.empty() && begin != text.npos;
  if (!named) begin = text.find(" /") + 1;
  if (begin == 0 || end == text.npos || end <= begin) return path;
  if (named && (begin + path.size() >= end || text[begin + path.size()] != '/')) return path;
  std::string whole = text.substr(begin, end - begin);
  struct stat status{};
  for (std::size_t cut = whole.size(); cut != whole.npos && cut > 0; cut = whole.rfind(' ', cut - 1))
    if (std::string part = whole.substr(0, cut); ::lstat(part.c_str(), &status) == 0) return part;
  return whole;
}

}  // namespace

Error with_cause(Error error, const std::string& path) {
  if (error.code() == 0) return error;
  Cause cause = cause_of(error.code(), path_in(error, path));
  if (cause.text.empty()) return error;
  return std::move(error).because(cause.text, cause.hint);
}

}  // namespace mgmt
