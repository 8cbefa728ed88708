// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/capabilities.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/xattr.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace mgmt::file {
namespace {

// By their numbers in linux/capability.h.
constexpr const char* kNames[] = {"chown",
                                  "dac_override",
                                  "dac_read_search",
                                  "fowner",
                                  "fsetid",
                                  "kill",
                                  "setgid",
                                  "setuid",
                                  "setpcap",
                                  "linux_immutable",
                                  "net_bind_service",
                                  "net_broadcast",
                                  "net_admin",
                                  "net_raw",
                                  "ipc_lock",
                                  "ipc_owner",
                                  "sys_module",
                                  "sys_rawio",
                                  "sys_chroot",
                                  "sys_ptrace",
                                  "sys_pacct",
                                  "sys_admin",
                                  "sys_boot",
                                  "sys_nice",
                                  "sys_resource",
                                  "sys_time",
                                  "sys_tty_config",
                                  "mknod",
                                  "lease",
                                  "audit_write",
                                  "audit_control",
                                  "setfcap",
                                  "mac_override",
                                  "mac_admin",
                                  "syslog",
                                  "wake_alarm",
                                  "block_suspend",
                                  "audit_read",
                                  "perfmon",
                                  "bpf",
                                  "checkpoint_restore"};

std::uint32_t number_at(const unsigned char* bytes) {
  return bytes[0] | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[3]} << 24;
}

}  // namespace

// vfs_cap_data: a revision with the flag `effective`, then pairs of permitted and inheritable bits, little endian.
std::string capabilities_of(int fd) {
  unsigned char value[XATTR_CAPS_SZ_3] = {};
  ssize_t size = ::fgetxattr(fd, "security.capability", value, sizeof value);
  if (size < static_cast<ssize_t>(XATTR_CAPS_SZ_1)) return "";
  bool effective = (number_at(value) & VFS_CAP_FLAGS_EFFECTIVE) != 0;
  std::size_t pairs = size < static_cast<ssize_t>(XATTR_CAPS_SZ_2) ? 1 : 2;
  std::map<std::string, std::string> by_flags;
  for (std::size_t i = 0; i < pairs * 32; ++i) {
    const unsigned char* pair = value + 4 + i / 32 * 8;
    bool permitted = (number_at(pair) >> i % 32 & 1) != 0, inheritable = (number_at(pair + 4) >> i % 32 & 1) != 0;
    if (!permitted && !inheritable) continue;
    std::string flags = fmt::format("{}{}{}", effective ? "e" : "", inheritable ? "i" : "", permitted ? "p" : "");
    std::string& names = by_flags[flags];
    if (!names.empty()) names += ',';
    names += i < std::size(kNames) ? fmt::format("cap_{}", kNames[i]) : fmt::format("{}", i);
  }
  std::string text;
  for (const auto& [flags, names] : by_flags) text += fmt::format("{}{}={}", text.empty() ? "" : " ", names, flags);
  return text.empty() ? "=" : text;
}

}  // namespace mgmt::file
