// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/confine.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace mgmt {
namespace {

namespace fs = std::filesystem;

class Confine : public testing::Test {
 protected:
  // A /tmp below which nothing is mounted, if we may make it so: another one is not covered.
  static void SetUpTestSuite() {
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) return;
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
      std::istringstream fields(line);
      std::string point;
      for (int i = 0; i < 5; ++i) fields >> point;
      if (point.starts_with("/tmp/")) ::umount2(point.c_str(), MNT_DETACH);
    }
  }
  void SetUp() override {
    auto tried = confine::run({"true"});
    if (!tried && tried.error().refused) GTEST_SKIP() << tried.error().error.text();
    // Not in /tmp, of which there is a second one inside.
    std::string name = "/var/tmp/mgmt-confine-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream(folder_ / "file") << "as it was";
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  Ending sh(const std::string& script) {
    auto ending = confine::run({"/bin/sh", "-c", "cd '" + folder_.string() + "'; " + script});
    if (!ending) ADD_FAILURE() << ending.error().error.text();
    return ending.value_or(Ending{.status = 255});
  }

  fs::path folder_;
};

TEST_F(Confine, ReadsTheMachineAndWritesNothing) {
  EXPECT_EQ(sh("grep -q 'as it was' file").status, 0);
  for (const char* change : {"echo x > file", "echo x >> file", "rm file", "mv file other", "touch new", "mkdir new",
                             "ln file other", "ln -s file new", "mkfifo new", "chmod 600 file", "touch -d @1 file"}) {
    EXPECT_NE(sh(std::string(change) + " 2>/dev/null").status, 0) << change;
  }
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
  EXPECT_EQ(names, std::vector<fs::path>{"file"});
}

TEST_F(Confine, NullAndAPrivateTmpCanBeWritten) {
  EXPECT_EQ(sh("echo x > /dev/null").status, 0);
  fs::path name = fs::path("/tmp") / ("mgmt-confine-test-" + std::to_string(::getpid()));
  EXPECT_EQ(sh("echo x > " + name.string() + " && grep -q x " + name.string()).status, 0);
  EXPECT_FALSE(fs::exists(name));
}

TEST_F(Confine, WhatLiesInTmpIsSeenAndStays) {
  std::string name = "/tmp/mgmt-confine-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  std::ofstream(name + "/file") << "as it was";
  EXPECT_EQ(sh("grep -q 'as it was' " + name + "/file && echo other > " + name + "/file").status, 0);
  std::string text;
  std::getline(std::ifstream(name + "/file"), text);
  EXPECT_EQ(text, "as it was");
  fs::remove_all(name);
}

TEST_F(Confine, ReachesNoProcessOutside) {
  EXPECT_NE(sh("kill -0 " + std::to_string(::getpid()) + " 2>/dev/null").status, 0);
  EXPECT_EQ(sh("test -d /proc/" + std::to_string(::getpid())).status, 0);
}

TEST_F(Confine, TellsHowTheProgramEnded) {
  EXPECT_EQ(sh("exit 7").status, 7);
  EXPECT_EQ(sh("kill -9 $$").signal, SIGKILL);
  auto missing = confine::run({"/no/such/program"});
  ASSERT_FALSE(missing);
  EXPECT_FALSE(missing.error().refused);
  EXPECT_EQ(missing.error().error.code(), ENOENT);
}

TEST_F(Confine, OnlyWhatIsConfinedIsTakenForIt) { EXPECT_FALSE(confine::active()); }

TEST_F(Confine, KeepsOneDescriptorAndNoOther) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto ending = confine::run({"/bin/sh", "-c", "echo kept >&3; ls /proc/self/fd | tr '\\n' ' ' >&3"}, ends[1]);
  ::close(ends[1]);
  char text[100] = {};
  std::string got;
  for (ssize_t size = 0; (size = ::read(ends[0], text, sizeof text)) > 0;)
    got.append(text, static_cast<std::size_t>(size));
  ::close(ends[0]);
  ASSERT_TRUE(ending);
  EXPECT_EQ(got, "kept\n0 1 2 3 4 ");  // 4 is ls's own, of the folder
}

}  // namespace
}  // namespace mgmt
