// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/backup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "src/value/hash.h"

namespace mgmt::state {
namespace {

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    char name[] = "/tmp/mgmt-backup-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~BackupTest() override { std::filesystem::remove_all(folder_); }

  void keep(Backup& backup, const std::string& text, const std::string& path = "/etc/motd") {
    std::string name = folder_ + "/file";
    std::ofstream(name, std::ios::binary) << text;
    ASSERT_EQ(::chmod(name.c_str(), 0640), 0);
    Fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    backup.keep(file.get(), status, path, "file[motd]");
  }
  static std::string text(const Backup& backup, const Kept& kept) {
    Fd file = backup.open(kept);
    return read_file("/proc/self/fd/" + std::to_string(file.get()));
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/backup"))
      count += entry.path().filename().string().size() == 64;
    return count;
  }

  std::string folder_;
};

TEST_F(BackupTest, WhatWasKeptIsThereForTheNextOne) {
  {
    Backup backup(folder_);
    EXPECT_TRUE(backup.list().empty());
    keep(backup, "one\n");
    keep(backup, "two\n", "/etc/\xff\"odd");
  }
  Backup backup(folder_);
  std::vector<Kept> all = backup.list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].path, "/etc/motd");
  EXPECT_EQ(all[0].sha256, sha256_hex("one\n"));
  EXPECT_EQ(all[0].size, 4);
  EXPECT_EQ(all[0].mode, 0640U);
  EXPECT_EQ(all[0].owner, ::geteuid());
  EXPECT_EQ(all[0].resource, "file[motd]");
  EXPECT_EQ(all[1].path, "/etc/\xff\"odd");
  EXPECT_EQ(text(backup, all[1]), "two\n");
  struct stat status{};
  ASSERT_EQ(::stat((folder_ + "/backup/" + all[0].sha256).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(BackupTest, TheSameContentIsThereOnce) {
  Backup backup(folder_);
  keep(backup, "one\n");
  keep(backup, "one\n");
  keep(backup, "one\n", "/etc/issue");
  EXPECT_EQ(backup.list().size(), 2U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(BackupTest, KnowsWhatItKeptLastAsLongAsThatIsThere) {
  Backup backup(folder_);
  EXPECT_FALSE(backup.has_last("/etc/motd", sha256_hex("one\n")));
  keep(backup, "one\n");
  EXPECT_TRUE(backup.has_last("/etc/motd", sha256_hex("one\n")));
  EXPECT_FALSE(backup.has_last("/etc/issue", sha256_hex("one\n")));
  keep(backup, "two\n");
  EXPECT_FALSE(backup.has_last("/etc/motd", sha256_hex("one\n")));
  std::filesystem::remove(folder_ + "/backup/" + sha256_hex("two\n"));
  EXPECT_FALSE(backup.has_last("/etc/motd", sha256_hex("two\n")));
}

TEST_F(BackupTest, WhatCouldNotBeKeptIsNotTakenForKept) {
  Backup backup(folder_);
  std::filesystem::create_directories(folder_ + "/backup/index");
  std::filesystem::permissions(folder_ + "/backup", std::filesystem::perms::owner_all);
  EXPECT_THROW(keep(backup, "one\n"), Error);
  EXPECT_FALSE(backup.has_last("/etc/motd", sha256_hex("one\n")));
  // The sum of a file that is too large to be kept isn't known.
  EXPECT_FALSE(backup.has_last("/etc/motd", ""));
}

TEST_F(BackupTest, OfAPathTheFirstAndTheLastOnesStay) {
  {
    Backup backup(folder_);
    for (int i = 0; i < 30; ++i) keep(backup, std::to_string(i));
  }
  Backup next(folder_);
  keep(next, "last");
  std::vector<Kept> all = next.list();
  ASSERT_EQ(all.size(), 10U);
  EXPECT_EQ(text(next, all[0]), "0");
  EXPECT_EQ(text(next, all[1]), "22");
  EXPECT_EQ(text(next, all[9]), "last");
  EXPECT_EQ(files(), 10U);
}

TEST_F(BackupTest, TheOldestGoWhereThereIsTooMuch) {
  Backup::Limits limits;
  limits.bytes = 100'000;
  {
    Backup backup(folder_, limits);
    for (int i = 0; i < 5; ++i) keep(backup, std::string(30'000, static_cast<char>('a' + i)), "/" + std::to_string(i));
  }
  Backup next(folder_, limits);
  keep(next, "x", "/x");
  std::vector<Kept> all = next.list();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().path, "/x");
  EXPECT_EQ(all.front().path, "/3");
}

TEST_F(BackupTest, TheOldGo) {
  Backup::Limits limits;
  limits.age = std::chrono::days(0);
  Backup backup(folder_, limits);
  keep(backup, "x");
  EXPECT_TRUE(backup.list().empty());
  EXPECT_EQ(files(), 0U);
}

TEST_F(BackupTest, ALineThatWasCutTakesNoOtherAlong) {
  Backup backup(folder_);
  keep(backup, "one\n");
  std::ofstream(folder_ + "/backup/index", std::ios::app) << R"({"time":1,"pa)";
  keep(backup, "two\n");
  EXPECT_EQ(backup.list().size(), 2U);
}

}  // namespace
}  // namespace mgmt::state
