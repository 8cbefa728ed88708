// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/drawer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "src/base/fd.h"

namespace mgmt::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A `dot` of our own stands before all others: called as `dot -Tsvg -o PICTURE SOURCE`.
struct DrawerTest : testing::Test {
  DrawerTest() {
    std::string name = (fs::temp_directory_path() / "mgmt-drawer-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw Error::system(errno, "making a folder");
    at = name;
    fs::create_directories(at + "/bin");
    fs::create_directories(at + "/out");
    ::setenv("PATH", (at + "/bin").c_str(), 1);
  }
  ~DrawerTest() override {
    ::setenv("PATH", path_before.c_str(), 1);
    fs::remove_all(at);
  }

  void make_dot(const std::string& script) const { replace_file(at + "/bin/dot", "#!/bin/sh\n" + script + "\n", 0755); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(at + "/out")) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  static ResourceGraph named(std::string name) {
    ResourceGraph graph;
    graph.name = std::move(name);
    return graph;
  }
  void run_until_idle(Drawer& drawer) {
    Loop::Timer too_late(loop);
    too_late.after(30s, [&] {
      ADD_FAILURE() << "the drawing doesn't end";
      loop.stop();
    });
    drawer.on_idle = [&] { loop.stop(); };
    loop.run();
  }

  std::string path_before = std::getenv("PATH");
  std::string at;
  Loop loop;
  std::string failure;
  std::function<void(const Error&)> failed = [this](const Error& error) { failure = error.text(); };
};

TEST_F(DrawerTest, ThePictureIsThereWholeAndNothingElse) {
  make_dot("[ \"$1\" = -Tsvg ] || exit 3\n/bin/cp \"$4\" \"$3\"");
  Drawer drawer(loop, 60s, failed);
  drawer.draw(named("g"), at + "/out/g.svg");
  EXPECT_TRUE(drawer.busy());
  run_until_idle(drawer);
  EXPECT_EQ(failure, "");
  EXPECT_FALSE(drawer.busy());
  EXPECT_EQ(files(), std::vector<std::string>{"g.svg"});
  EXPECT_TRUE(read_file(at + "/out/g.svg").starts_with("digraph \"g\""));
  struct stat status{};
  ASSERT_EQ(::stat((at + "/out/g.svg").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST_F(DrawerTest, OneThatTakesTooLongIsGivenUp) {
  make_dot("echo $$ > " + at + "/pid; exec /bin/sleep 1000");
  Drawer drawer(loop, 300ms, failed);
  drawer.draw(named("g"), at + "/out/g.svg");
  run_until_idle(drawer);
  EXPECT_TRUE(failure.ends_with("/out/g.svg took more than 0.3 s and was given up")) << failure;
  EXPECT_EQ(files(), std::vector<std::string>{});
}

TEST_F(DrawerTest, TheLastGraphIsTheOneThatIsDrawn) {
  make_dot("read -r first < \"$4\"; case $first in *slow*) exec /bin/sleep 1000;; esac; /bin/cp \"$4\" \"$3\"");
  Drawer drawer(loop, 60s, failed);
  drawer.draw(named("slow"), at + "/out/g.svg");
  drawer.draw(named("last"), at + "/out/g.svg");
  run_until_idle(drawer);
  EXPECT_EQ(failure, "");
  EXPECT_EQ(files(), std::vector<std::string>{"g.svg"});
  EXPECT_TRUE(read_file(at + "/out/g.svg").starts_with("digraph \"last\""));
}

TEST_F(DrawerTest, AFailureSaysWhatDotSaidAndKeepsThePictureBefore) {
  replace_file(at + "/out/g.svg", "before", 0644);
  Drawer drawer(loop, 60s, failed);
  make_dot("echo half > \"$3\"; echo 'no fonts here' >&2; echo more >&2; exit 1");
  drawer.draw(named("g"), at + "/out/g.svg");
  run_until_idle(drawer);
  EXPECT_TRUE(failure.ends_with("/out/g.svg: no fonts here")) << failure;
  make_dot("kill -SEGV $$");
  drawer.draw(named("g"), at + "/out/g.svg");
  run_until_idle(drawer);
  EXPECT_TRUE(failure.ends_with("/out/g.svg: it was killed by signal 11")) << failure;
  EXPECT_EQ(files(), std::vector<std::string>{"g.svg"});
  EXPECT_EQ(read_file(at + "/out/g.svg"), "before");
}

TEST_F(DrawerTest, WithoutDotThereIsNoPictureAndAHint) {
  Drawer drawer(loop, 60s, failed);
  EXPECT_FALSE(Drawer::available());
  try {
    drawer.draw(named("g"), at + "/out/g.svg");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "no picture without Graphviz's `dot`");
    EXPECT_NE(error.hint_text().find("graphviz"), std::string::npos);
  }
  EXPECT_FALSE(drawer.busy());
  EXPECT_EQ(files(), std::vector<std::string>{});
}

TEST_F(DrawerTest, ATargetIsTriedAndLeftAsItWas) {
  auto complaint = [](const std::string& path) -> std::string {
    try {
      check_target(path);
    } catch (const Error& error) {
      return error.text();
    }
    return "";
  };
  EXPECT_EQ(complaint(at + "/out/new.dot"), "");
  replace_file(at + "/out/there.dot", "before", 0644);
  EXPECT_EQ(complaint(at + "/out/there.dot"), "");
  EXPECT_EQ(files(), std::vector<std::string>{"there.dot"});
  EXPECT_EQ(read_file(at + "/out/there.dot"), "before");
  EXPECT_TRUE(complaint(at + "/no/x.dot").ends_with("/no/x.dot: No such file or directory"));
  EXPECT_TRUE(complaint(at + "/out").ends_with("/out: Is a directory"));
  EXPECT_EQ(complaint("/dev/null"), "writing /dev/null: it is not a regular file");
}

}  // namespace
}  // namespace mgmt::cli
