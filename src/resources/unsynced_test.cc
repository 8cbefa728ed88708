// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/unsynced.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "src/base/error.h"

namespace mgmt {
namespace {

TEST(Unsynced, FewAreKeptByName) {
  Unsynced unsynced;
  EXPECT_TRUE(unsynced.take().empty());
  unsynced.add("/a/x", 1);
  unsynced.add("/a/y", 1);
  unsynced.add("/b/z", 2);
  for (int i = 0; i < 1000; ++i) unsynced.add("/a/x", 1);
  Unsynced::Batch batch = unsynced.take();
  ASSERT_EQ(batch.devices.size(), 2U);
  EXPECT_EQ(batch.devices[1].paths, (std::vector<std::string>{"/a/x", "/a/y"}));
  EXPECT_EQ(batch.devices[2].paths, std::vector<std::string>{"/b/z"});
  EXPECT_TRUE(unsynced.take().empty());
}

TEST(Unsynced, ManyAreOnlyCountedWithAFolderToFindTheFileSystem) {
  Unsynced unsynced;
  for (int i = 0; i < 1000; ++i) unsynced.add("/a/" + std::to_string(i), 1);
  Unsynced::Batch batch = unsynced.take();
  EXPECT_EQ(batch.devices[1].count, 1000U);
  EXPECT_TRUE(batch.devices[1].paths.empty());
  EXPECT_EQ(batch.devices[1].some_folder, "/a");
}

TEST(Unsynced, AnyThreadMayAdd) {
  Unsynced unsynced;
  auto add = [&](char letter) {
    for (int i = 0; i < 500; ++i) unsynced.add(std::string("/") + letter + "/" + std::to_string(i), 1);
  };
  std::thread one(add, 'a'), two(add, 'b');
  one.join();
  two.join();
  EXPECT_EQ(unsynced.take().devices[1].count, 1000U);
}

TEST(Unsynced, SyncsWhatIsThereAndPassesOverWhatWent) {
  char name[] = "/tmp/mgmt-unsynced-test-XXXXXX";
  std::string folder = ::mkdtemp(name);
  struct stat status{};
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  std::ofstream(folder + "/f") << "x";
  std::filesystem::create_symlink("f", folder + "/link");
  Unsynced unsynced;
  for (const char* path : {"/f", "/link", "/gone", "/gone/deep/f", "/f/no"}) unsynced.add(folder + path, status.st_dev);
  EXPECT_NO_THROW(Unsynced::sync(unsynced.take()));
  for (int i = 0; i < 100; ++i) unsynced.add(folder + "/gone/many/" + std::to_string(i), status.st_dev);
  EXPECT_NO_THROW(Unsynced::sync(unsynced.take()));
  struct stat proc{};
  ASSERT_EQ(::stat("/proc", &proc), 0);
  unsynced.add("/proc/self/comm", proc.st_dev);
  EXPECT_NO_THROW(Unsynced::sync(unsynced.take())) << "there is nothing to sync, and that is fine";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mgmt
