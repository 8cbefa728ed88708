// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/file_systems.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

namespace mgmt::events {

// As linux/magic.h and the kernel's own sources of each have them.
std::string_view incomplete_file_system(unsigned long f_type) {
  switch (f_type & 0xffffffffUL) {
    case 0x6969: return "nfs";
    case 0x517b:
    case 0xff534d42:
    case 0xfe534d42: return "smb";
    case 0x65735546: return "fuse";  // virtiofs as well
    case 0x01021997: return "9p";
    case 0x5346414f:
    case 0x6b414653: return "afs";
    case 0x73757245: return "coda";
    case 0x00c36400: return "ceph";
    case 0x7461636f: return "ocfs2";
    case 0x01161970: return "gfs2";
    case 0x0bd00bd0: return "lustre";
    case 0x47504653: return "gpfs";
    case 0x786f4256: return "vboxsf";
    case 0xbacbacbc: return "vmhgfs";
    case 0x00c0ffee: return "hostfs";
    // What the kernel changes in its own, it tells nobody.
    case 0x9fa0: return "proc";
    case 0x62656572: return "sysfs";
    case 0x0027e0eb:
    case 0x63677270: return "cgroup";
    default: return "";
  }
}

std::string_view FileSystems::incomplete_at(const std::string& path) {
  struct statx status{};
  // The device is known here, whoever has the file: a server that is away isn't waited for.
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) return {};
  dev_t device = makedev(status.stx_dev_major, status.stx_dev_minor);
  auto known = by_device_.find(device);
  if (known != by_device_.end()) return known->second;
  struct statfs space{};
  if (::statfs(path.c_str(), &space) != 0) return {};
  std::string_view name = names_(static_cast<unsigned long>(space.f_type));
  by_device_.emplace(device, name);
  return name;
}

}  // namespace mgmt::events
