// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/unsynced.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "src/base/error.h"
#include "src/resources/ordered.h"
#include "src/resources/sync_within.h"

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

TEST(Unsynced, TheFirstOfABurstAreSyncedByThemselvesTheRestTogether) {
  Unsynced unsynced;
  for (std::size_t i = 0; i < Unsynced::kFew; ++i)
    ASSERT_EQ(unsynced.before_rename("/a/f", 1), Unsynced::Before::Sync) << i;
  EXPECT_EQ(unsynced.before_rename("/a/f", 1), Unsynced::Before::Batch);
  EXPECT_EQ(unsynced.before_rename("/b/f", 2), Unsynced::Before::Sync) << "another file system";
  unsynced.take();
  EXPECT_EQ(unsynced.before_rename("/a/f", 1), Unsynced::Before::Sync) << "the burst is over";
}

TEST(Unsynced, NoneAndFileAreWhatTheySay) {
  Unsynced none(Durability::None);
  none.add("/a/x", 1);
  EXPECT_FALSE(none.any());
  EXPECT_EQ(none.before_rename("/a/x", 1), Unsynced::Before::Nothing);
  Unsynced file(Durability::File);
  file.add("/tmp/mgmt-not-there", 1);
  EXPECT_FALSE(file.any()) << "it is on the disk already";
  for (int i = 0; i < 100; ++i) ASSERT_EQ(file.before_rename("/a/x", 1), Unsynced::Before::Sync);
}

TEST(Unsynced, DataIsSyncedFewOrMany) {
  char name[] = "/tmp/mgmt-unsynced-test-XXXXXX";
  std::string folder = ::mkdtemp(name);
  struct stat status{};
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  for (std::size_t count : {std::size_t{3}, Unsynced::kFew + 1}) {
    std::vector<Unsynced::Data> files;
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back({folder + "/" + std::to_string(i), status.st_dev});
      std::ofstream(files.back().path) << "x";
    }
    for (const auto& error : Unsynced::sync_data(files)) EXPECT_FALSE(error);
  }
  std::filesystem::remove_all(folder);
}

TEST(SyncWithin, ASyncThatHangsIsLeftAndNoSecondOneStarted) {
  using namespace std::chrono_literals;
  std::promise<void> end;
  auto ended = end.get_future().share();
  std::atomic<int> calls = 0;
  auto hang = [&calls, ended](int) {
    ++calls;
    ended.wait();
    return 0;
  };
  EXPECT_EQ(sync_within(Fd(), 77, 10ms, hang), std::nullopt);
  EXPECT_EQ(sync_within(Fd(), 77, 10ms, hang), std::nullopt);
  EXPECT_EQ(calls, 1) << "the first one still hangs";
  EXPECT_EQ(sync_within(Fd(), 78, 10s, [](int) { return EIO; }), EIO) << "another file system";
  end.set_value();
  EXPECT_EQ(sync_within(Fd(), 77, 10s, [](int) { return 0; }), 0) << "it came back";
}

TEST(Ordered, OnlyAJournalThatOrdersDataAndMindsRenames) {
  EXPECT_TRUE(options_order("rw\nbarrier\nauto_da_alloc\ndata=ordered\n"));
  EXPECT_FALSE(options_order("rw\nbarrier\nauto_da_alloc\n")) << "no journal";
  EXPECT_FALSE(options_order("rw\nauto_da_alloc\ndata=writeback\n"));
  EXPECT_FALSE(journal_orders(0));
}

TEST(UnsyncedPace, OneAfterTheOtherIsNoBurst) {
  using namespace std::chrono_literals;
  Unsynced::Pace pace;
  std::chrono::steady_clock::time_point now{1h};
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(pace.is_burst(now += 12ms));
  for (std::size_t i = 1; i <= Unsynced::kFew; ++i) EXPECT_FALSE(pace.is_burst(now + 101ms)) << i;
  EXPECT_TRUE(pace.is_burst(now + 101ms));
  // It goes on where there are as many in the next tenth, and is over after a pause.
  now += 101ms;
  EXPECT_TRUE(pace.is_burst(now + 150ms));
  EXPECT_FALSE(pace.is_burst(now + 1s));
}

}  // namespace
}  // namespace mgmt
