// SPDX-License-Identifier: GPL-3.0-or-later
// Whether it is enough that the data of a file is written before it is renamed over another: what the data needs to be
// found (its place, the file's size) is then in the journal in front of the name, and a commit of the journal flushes
// the disk's cache first. So it is in ext4 with a journal and `data=ordered`, its default, see ext4(5). Its own care
// for such files (`auto_da_alloc`) starts to write them, and waits for nothing: with `dioread_nolock`, a default since
// Linux 5.6, a commit doesn't either, and the name may be on the disk before the data.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace mgmt {

/// As the kernel says in /proc/fs/ext4/DEVICE/options. False for what isn't known to.
bool journal_orders(dev_t device);

/// Of the text of that file.
bool options_order(std::string_view options);

}  // namespace mgmt
