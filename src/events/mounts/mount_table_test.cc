// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/mounts/mount_table.h"

#include <gtest/gtest.h>

namespace mgmt::events {
namespace {

using Points = std::vector<std::string>;

constexpr std::string_view kRoot = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
constexpr std::string_view kShare = "36 21 0:31 / /mnt/share rw shared:9 master:2 - nfs4 srv:/x rw,vers=4.2\n";

std::string text(std::initializer_list<std::string_view> lines) {
  std::string all;
  for (std::string_view line : lines) all += line;
  return all;
}

TEST(MountTable, WhatComesAndWhatGoesIsTold) {
  MountTable without(kRoot), with(text({kRoot, kShare}));
  EXPECT_EQ(with.changed_since(without), (Points{"/mnt/share"}));
  EXPECT_EQ(without.changed_since(with), (Points{"/mnt/share"}));
  EXPECT_EQ(with.changed_since(with), Points());
}

TEST(MountTable, AMoveIsToldOfBothPlaces) {
  MountTable before(text({kRoot, kShare}));
  MountTable after(text({kRoot, "36 21 0:31 / /srv rw shared:9 master:2 - nfs4 srv:/x rw,vers=4.2\n"}));
  EXPECT_EQ(after.changed_since(before), (Points{"/mnt/share", "/srv"}));
}

TEST(MountTable, AMountThatBecomesWritableIsTold) {
  MountTable before("36 21 0:31 / /a ro - tmpfs t ro\n"), after("36 21 0:31 / /a rw - tmpfs t rw\n");
  EXPECT_EQ(after.changed_since(before), (Points{"/a"}));
}

TEST(MountTable, WhatLiesBelowAnotherChangeIsLeftOut) {
  MountTable after("1 1 0:1 / /a rw - t t rw\n2 1 0:2 / /a-b rw - t t rw\n3 1 0:3 / /a/c/d rw - t t rw\n");
  EXPECT_EQ(after.changed_since(MountTable()), (Points{"/a", "/a-b"}));
}

TEST(MountTable, BlanksAndBackslashesInNamesAreRead) {
  MountTable table(R"(36 21 0:31 / /my\040disk\134x rw - tmpfs t rw)");
  EXPECT_TRUE(table.is_mount_point(R"(/my disk\x)"));
  EXPECT_TRUE(table.may_be_mount_point(R"(my disk\x)"));
  EXPECT_FALSE(table.may_be_mount_point("other"));
}

TEST(MountTable, ThatOfAPathIsTheNearestAboveIt) {
  MountTable table(text({kRoot, kShare}));
  EXPECT_EQ(table.mount_of("/mnt/share/a/b"), "/mnt/share");
  EXPECT_EQ(table.mount_of("/mnt/share"), "/mnt/share");
  EXPECT_EQ(table.mount_of("/mnt/shared"), "/");
  EXPECT_EQ(table.mount_of(""), "");
}

TEST(MountTable, WhatIsNoMountIsPassedOver) {
  MountTable table("\n1 2 3\nnonsense\n36 21 0:31 / relative rw - t t rw\n36 21 0:31 / /a");
  EXPECT_TRUE(table.is_mount_point("/a"));
  EXPECT_EQ(table.changed_since(MountTable()), (Points{"/a"}));
}

}  // namespace
}  // namespace mgmt::events
