// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/file_systems.h"

#include <gtest/gtest.h>
#include <linux/magic.h>

#include <initializer_list>

namespace mgmt::events {
namespace {

TEST(FileSystems, ThoseOfOtherHostsOfServersAndOfTheKernelDontTellAll) {
  EXPECT_EQ(incomplete_file_system(NFS_SUPER_MAGIC), "nfs");
  EXPECT_EQ(incomplete_file_system(SMB2_SUPER_MAGIC), "smb");
  EXPECT_EQ(incomplete_file_system(FUSE_SUPER_MAGIC), "fuse");
  EXPECT_EQ(incomplete_file_system(V9FS_MAGIC), "9p");
  EXPECT_EQ(incomplete_file_system(AFS_FS_MAGIC), "afs");
  EXPECT_EQ(incomplete_file_system(PROC_SUPER_MAGIC), "proc");
  // Where statfs has it as a signed number.
  EXPECT_EQ(incomplete_file_system(0xffffffffff534d42UL), "smb");
}

TEST(FileSystems, LocalOnesAndOverlaysDo) {
  for (long type : std::initializer_list<long>{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
                                               OVERLAYFS_SUPER_MAGIC})
    EXPECT_EQ(incomplete_file_system(static_cast<unsigned long>(type)), "");
}

TEST(FileSystems, ItIsAskedOnceForEach) {
  static int asked = 0;
  FileSystems systems([](unsigned long) {
    ++asked;
    return std::string_view("test");
  });
  EXPECT_EQ(systems.incomplete_at("/"), "test");
  EXPECT_EQ(systems.incomplete_at("/"), "test");
  EXPECT_EQ(asked, 1);
  systems.forget();
  EXPECT_EQ(systems.incomplete_at("/"), "test");
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(systems.incomplete_at("/nowhere/at/all"), "");
}

}  // namespace
}  // namespace mgmt::events
