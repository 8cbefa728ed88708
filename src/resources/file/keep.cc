// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/keep.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "src/base/error.h"

namespace mgmt::file {
namespace {

constexpr const char* kAccessList = "system.posix_acl_access";

// Asks for the size, then for the value, until both agree. None: there isn't any, or the file system has none.
template <class Call>
std::optional<std::string> sized(const std::string& doing, Call call) {
  std::string value(256, '\0');
  while (true) {
    ssize_t got = call(value.data(), value.size());
    if (got >= 0) {
      value.resize(static_cast<std::size_t>(got));
      return value;
    }
    if (errno == ENODATA || errno == EOPNOTSUPP) return std::nullopt;
    if (errno != ERANGE) throw Error::system(errno, doing);
    ssize_t needed = call(nullptr, 0);
    if (needed < 0) throw Error::system(errno, doing);
    value.assign(static_cast<std::size_t>(needed) + 1, '\0');
  }
}

std::optional<std::string> attribute(int fd, const char* name, const std::string& shown) {
  return sized("reading the attribute " + std::string(name) + " of " + shown,
               [&](char* to, std::size_t size) { return ::fgetxattr(fd, name, to, size); });
}

void set_attribute(int fd, const char* name, const std::string& value, const std::string& shown) {
  if (::fsetxattr(fd, name, value.data(), value.size(), 0) == 0) return;
  int failure = errno;
  // A label that may not be set may be the one that the policy gave to the new file anyway.
  if (attribute(fd, name, shown) == value) return;
  Error error = Error::system(failure, "keeping the attribute " + std::string(name) + " of " + shown);
  if (failure == EPERM) throw std::move(error).hint("it takes root to keep it");
  throw error;
}

bool is_kept(std::string_view name) {
  if (name.starts_with("user.")) return true;
  // A measure of the old content; the kernel makes the new one's.
  if (name == "security.ima" || name == "security.evm") return false;
  return name.starts_with("security.") && name != "security.capability";
}

// The access list as chmod(mode) would leave it. Its form in the attribute (linux/posix_acl_xattr.h): a version, then
// entries {tag, permissions, id}, little endian. Where there is a mask, it holds the mode's group bits.
std::string with_mode(std::string list, mode_t mode) {
  constexpr std::size_t kHead = 4, kEntry = 8;
  constexpr std::uint16_t kOwner = 0x01, kOwningGroup = 0x04, kMask = 0x10, kOthers = 0x20;
  auto tag_at = [&](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(list[at]) | static_cast<unsigned char>(list[at + 1])
                                                                                 << 8);
  };
  bool has_mask = false;
  for (std::size_t at = kHead; at + kEntry <= list.size(); at += kEntry) has_mask |= tag_at(at) == kMask;
  for (std::size_t at = kHead; at + kEntry <= list.size(); at += kEntry) {
    std::uint16_t tag = tag_at(at);
    if (tag == kOwner) list[at + 2] = static_cast<char>(mode >> 6 & 7);
    if (tag == (has_mask ? kMask : kOwningGroup)) list[at + 2] = static_cast<char>(mode >> 3 & 7);
    if (tag == kOthers) list[at + 2] = static_cast<char>(mode & 7);
  }
  return list;
}

}  // namespace

void keep_attributes(int from, int to, mode_t mode, const std::string& shown) {
  std::optional<std::string> names = sized("reading the attributes of " + shown, [&](char* list, std::size_t size) {
    return ::flistxattr(from, list, size);
  });
  bool has_access_list = false;
  for (std::string_view rest = names ? std::string_view(*names) : ""; !rest.empty();) {
    std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    has_access_list |= name == kAccessList;
    if (!is_kept(name)) continue;
    if (std::optional<std::string> value = attribute(from, name.c_str(), shown))
      set_attribute(to, name.c_str(), *value, shown);
  }
  if (has_access_list) {
    if (std::optional<std::string> list = attribute(from, kAccessList, shown))
      set_attribute(to, kAccessList, with_mode(*list, mode), shown);
  } else if (::fremovexattr(to, kAccessList) != 0 && errno != ENODATA && errno != EOPNOTSUPP) {
    // What the folder's default list gave to the new file, and the old one didn't have.
    throw Error::system(errno, "taking the inherited access list off " + shown);
  }
}

}  // namespace mgmt::file
