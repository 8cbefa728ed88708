// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/name_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "src/base/fd.h"
#include "src/world/local/prefix.h"
#include "src/world/testing_world.h"

namespace mgmt::world::local {
namespace {

using namespace testing_world;
namespace fs = std::filesystem;

class NameLockTest : public testing::Test {
 protected:
  Result<std::variant<NameLock, Holder>> claim(const std::string& name) {
    return NameLock::claim(folder_.path(), name);
  }
  TempFolder folder_;
};

TEST_F(NameLockTest, ASecondClaimIsToldWhoWasFirst) {
  auto first = claim("a");
  ASSERT_TRUE(first && std::holds_alternative<NameLock>(*first));
  auto second = claim("a");
  ASSERT_TRUE(second && std::holds_alternative<Holder>(*second));
  EXPECT_EQ(std::get<Holder>(*second).pid, ::getpid());
  EXPECT_NE(std::get<Holder>(*second).command.find("world_test"), std::string::npos)
      << std::get<Holder>(*second).command;
  EXPECT_TRUE(std::holds_alternative<NameLock>(*claim("b"))) << "another name is free";
}

TEST_F(NameLockTest, ItNeedsNoDatabase) {
  auto lock = claim("a");
  ASSERT_TRUE(lock);
  EXPECT_FALSE(has_store(folder_.path()));
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().string().ends_with(".db"));
}

TEST_F(NameLockTest, ANameIsFreeAfterItsProcessWasKilled) {
  Gate held;
  Process holder([&] {
    auto lock = claim("a");
    held.open();
    ::pause();
    return 0;
  });
  ASSERT_TRUE(held.pass());
  ASSERT_TRUE(std::holds_alternative<Holder>(*claim("a")));
  holder.kill_and_wait();
  EXPECT_TRUE(std::holds_alternative<NameLock>(*claim("a")));
}

TEST_F(NameLockTest, LookingAtTheNamesIsInNobodysWay) {
  auto dotted = claim("..");
  auto slashed = claim("web/1");
  ASSERT_TRUE(dotted && slashed);
  {
    auto gone = claim("gone");
    EXPECT_EQ(taken_names(folder_.path()), (std::vector<std::string>{"..", "gone", "web/1"}));
  }
  EXPECT_EQ(taken_names(folder_.path()), (std::vector<std::string>{"..", "web/1"}));
  Process looks([&] {
    while (true) static_cast<void>(taken_names(folder_.path()));
    return 0;
  });
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(std::holds_alternative<NameLock>(*claim("gone"))) << i;
}

TEST_F(NameLockTest, AFileThatWasCutShortNamesNobody) {
  auto lock = claim("a");
  ASSERT_TRUE(lock);
  for (std::string text : {"", "12", "12 34", "12 34 x", "x y z\n", "-1"}) {
    Fd(::open((folder_.path() + "/db/presence/a").c_str(), O_WRONLY | O_TRUNC)).reset();
    Fd file(::open((folder_.path() + "/db/presence/a").c_str(), O_WRONLY));
    write_all(file.get(), text, "a");
    auto second = claim("a");
    ASSERT_TRUE(second && std::holds_alternative<Holder>(*second));
    EXPECT_EQ(std::get<Holder>(*second).pid, 0) << text;
  }
}

TEST_F(NameLockTest, ANameThatCanBeNoFileIsAnError) {
  EXPECT_FALSE(claim(""));
  EXPECT_FALSE(claim(std::string(300, 'a')));
}

TEST(Prefix, IsWhereTheEnvironmentSaysAbsolutely) {
  ::setenv("STATE_DIRECTORY", "/run/x/mgmt:/other", 1);
  EXPECT_EQ(default_prefix(), "/run/x/mgmt");
  ::unsetenv("STATE_DIRECTORY");
  ::setenv("XDG_STATE_HOME", "/home/me/state/", 1);
  EXPECT_EQ(default_prefix(), ::geteuid() == 0 ? "/var/lib/mgmt" : "/home/me/state/mgmt");
  ::setenv("XDG_STATE_HOME", "relative", 1);
  ::setenv("HOME", "/home/me", 1);
  EXPECT_EQ(default_prefix(), ::geteuid() == 0 ? "/var/lib/mgmt" : "/home/me/.local/state/mgmt");
  ::unsetenv("XDG_STATE_HOME");
}

}  // namespace
}  // namespace mgmt::world::local
