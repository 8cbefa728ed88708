// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/pauses.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "src/base/fd.h"

namespace mgmt::state {
namespace {

Time at(int second) { return Time(std::chrono::seconds(1764000000 + second)); }

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "mgmt-pauses-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
  std::string file() const { return path + "/a.pauses"; }
};

TEST(Pauses, WhatIsWrittenIsRead) {
  Folder folder;
  Pauses pauses;
  pauses.add({"file[b]", at(10), "a \"word\"\n"});
  pauses.add({"", at(20), ""});
  pauses.write(folder.file());
  EXPECT_EQ(Pauses::read(folder.file()), pauses);
  EXPECT_EQ(pauses.all().front().resource, "");
}

TEST(Pauses, NoneHaveNoFile) {
  Folder folder;
  EXPECT_TRUE(Pauses::read(folder.file()).all().empty());
  EXPECT_TRUE(Pauses::read(folder.path + "/not/there").all().empty());
  Pauses pauses;
  pauses.add({"", at(20), ""});
  pauses.write(folder.file());
  ASSERT_TRUE(pauses.end(""));
  pauses.write(folder.file());
  EXPECT_FALSE(std::filesystem::exists(folder.file()));
}

TEST(Pauses, ADamagedFileIsAnError) {
  Folder folder;
  for (const char* text : {"", "{", "[]", R"({"pauses": [{"resource": 1}]})"}) {
    replace_file(folder.file(), text, 0600);
    EXPECT_THROW(Pauses::read(folder.file()), Error) << text;
  }
}

TEST(Pauses, OneIsReplacedAndEndsByItsTime) {
  Pauses pauses;
  pauses.add({"file[a]", at(10), "one"});
  pauses.add({"file[a]", at(30), "two"});
  pauses.add({"file[b]", at(20), ""});
  EXPECT_EQ(pauses.expire(at(19)).size(), 0u);
  ASSERT_EQ(pauses.expire(at(20)).size(), 1u);
  ASSERT_EQ(pauses.all().size(), 1u);
  EXPECT_EQ(pauses.all().front().reason, "two");
}

TEST(Pauses, WhatIsNotPausedCanNotBeResumed) {
  Pauses pauses;
  EXPECT_EQ(pauses.end("").error().text(), "nothing is paused");
  EXPECT_EQ(pauses.end("file[a]").error().text(), "file[a] isn't paused");
  pauses.add({"", at(10), ""});
  EXPECT_EQ(pauses.end("file[a]").error().text(), "file[a] isn't paused by itself: everything is");
  pauses.add({"file[a]", at(10), ""});
  EXPECT_EQ(pauses.end("file[a]")->size(), 1u);
  EXPECT_EQ(pauses.end("")->size(), 1u);
}

}  // namespace
}  // namespace mgmt::state
