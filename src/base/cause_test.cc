// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/cause.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace mgmt {
namespace {

// What needs mounts, attributes and users is tested with the real thing: tests/trust/causes_test.py.

class CauseTest : public testing::Test {
 protected:
  CauseTest() {
    std::string name = testing::TempDir() + "/cause-XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~CauseTest() override { std::filesystem::remove_all(folder); }
  std::string folder;
};

TEST_F(CauseTest, WhatHasNoneStaysAsItIs) {
  EXPECT_EQ(cause_of(ENOENT, folder).text, "");
  EXPECT_EQ(with_cause(Error::system(EIO, "reading " + folder), folder).text(),
            "reading " + folder + ": Input/output error");
  EXPECT_EQ(with_cause(Error("no such user"), folder).text(), "no such user");
  EXPECT_EQ(cause_of(ENOSPC, "not/absolute").text, "");
}

TEST_F(CauseTest, FollowsTheSystemsWordsAndLeavesAHintThatIsThere) {
  Error error = with_cause(Error::system(ENOSPC, "writing " + folder + "/f").hint("mine"), folder + "/f");
  EXPECT_TRUE(error.text().starts_with("writing " + folder + "/f: No space left on device: ")) << error.text();
  EXPECT_EQ(error.hint_text(), "mine");
  EXPECT_EQ(error.code(), ENOSPC);
}

TEST_F(CauseTest, ThePathMayComeFromTheError) {
  Error error = with_cause(Error::system(ENOSPC, "making the folder " + folder + "/d"), "");
  EXPECT_TRUE(error.text().starts_with("making the folder " + folder + "/d: No space left on device: "))
      << error.text();
  EXPECT_EQ(with_cause(Error::system(ENOSPC, "writing"), "").text(), "writing: No space left on device");
}

TEST_F(CauseTest, IsLookedForWhereTheErrorSays) {
  std::filesystem::create_directory(folder + "/closed");
  ::chmod((folder + "/closed").c_str(), 0);
  ::chmod(folder.c_str(), 0755);
  // Root may enter everything.
  uid_t user = ::geteuid();
  if (user == 0) ASSERT_EQ(::seteuid(65534), 0);
  Error error = with_cause(Error::system(EACCES, "creating " + folder + "/closed/f"), folder);
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_NE(error.text().find("may not enter " + folder + "/closed (0000"), std::string::npos) << error.text();
  ::chmod((folder + "/closed").c_str(), 0700);
}

}  // namespace
}  // namespace mgmt
