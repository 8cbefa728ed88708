// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a file system sees to it itself that the data of a file that is renamed over another is on the disk before
// its name is. ext4 does so where it has a journal, with `data=ordered` and `auto_da_alloc`, its defaults: see ext4(5).
#pragma once

#include <sys/types.h>

#include <string_view>

namespace mgmt {

/// As the kernel says in /proc/fs/ext4/DEVICE/options. False for what isn't known to.
bool orders_data_before_name(dev_t device);

/// Of the text of that file.
bool options_order_data(std::string_view options);

}  // namespace mgmt
