// SPDX-License-Identifier: GPL-3.0-or-later
// FileSystems: which of them tell inotify of every change. On the others what another host does, a server in user space
// or the kernel itself is told to nobody here, and so they are polled.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <unordered_map>

namespace mgmt::events {

/// The name of a file system without complete events, by statfs(2)'s f_type; "" for all others. An overlay isn't one of
/// them: what is changed through it is told, and changing the folders below one is what the kernel leaves undefined.
std::string_view incomplete_file_system(unsigned long f_type);

class FileSystems {
 public:
  using Names = std::string_view (*)(unsigned long f_type);
  explicit FileSystems(Names names = incomplete_file_system) : names_(names) {}

  /// The name of what `path` stands on; "" if all is told there, or nothing is there. One system call, which asks no
  /// other host; one more for each file system.
  std::string_view incomplete_at(const std::string& path);
  /// A number of a file system that has gone may be another one's.
  void forget() { by_device_.clear(); }

 private:
  Names names_;
  std::unordered_map<dev_t, std::string_view> by_device_;
};

}  // namespace mgmt::events
