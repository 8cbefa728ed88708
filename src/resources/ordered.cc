// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/ordered.h"

#include <fmt/format.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"

namespace mgmt {

bool options_order(std::string_view options) {
  return std::ranges::any_of(split_lines(options), [](std::string_view line) { return line == "data=ordered"; });
}

bool journal_orders(dev_t device) {
  // The kernel's name of the device: a mount may have been made by another one.
  std::array<char, PATH_MAX> link;
  std::string block = fmt::format("/sys/dev/block/{}:{}", major(device), minor(device));
  ssize_t size = ::readlink(block.c_str(), link.data(), link.size());
  if (size <= 0) return false;
  std::string name = base_name({link.data(), static_cast<std::size_t>(size)});
  try {
    return options_order(read_file(fmt::format("/proc/fs/ext4/{}/options", name)));
  } catch (const Error&) {
    return false;  // it is no ext4, or can't be asked from here: then its data is synced
  }
}

}  // namespace mgmt
