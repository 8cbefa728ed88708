// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/file_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "src/base/fd.h"

namespace mgmt::events {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct FileWatcherTest : testing::Test {
  fs::path top;
  Loop loop;
  std::vector<std::string> warnings;
  std::unique_ptr<FileWatcher> watcher;
  std::map<std::string, int> calls;
  std::map<std::string, FileWatcher::Event> last;
  std::map<std::string, std::string> told;
  std::vector<std::unique_ptr<FileWatcher::Watch>> watches;

  void SetUp() override {
    char name[] = "/tmp/mgmt-watch-XXXXXX";
    top = mkdtemp(name);
    watcher = std::make_unique<FileWatcher>(loop, [this](const std::string& text) { warnings.push_back(text); });
  }
  void TearDown() override {
    watches.clear();
    watcher.reset();
    fs::remove_all(top);
  }
  void watch(const std::string& path, FileWatcher::Options options = {}) {
    watches.push_back(watcher->watch(top / path, options, [this, path](FileWatcher::Event event) {
      ++calls[path];
      last[path] = event;
      auto what = watcher->telling();
      told[path] = what ? to_text(*what) : "";
      loop.stop();
    }));
  }
  // Runs the loop until `path` was called, or fails after a while.
  bool called(const std::string& path, Duration limit = 5s) {
    calls.clear();
    Loop::Timer giving_up(loop);
    bool late = false;
    giving_up.after(limit, [&] {
      late = true;
      loop.stop();
    });
    while (calls[path] == 0 && !late) loop.run();
    return calls[path] > 0;
  }
  bool is_quiet(const std::string& path) {
    calls.clear();
    watcher->drain();
    return calls[path] == 0;
  }
  // All events that are already there.
  void drain() {
    for (int i = 0; i < 5; ++i) loop.poll();
    calls.clear();
  }
  void write(const std::string& path, const std::string& text) { std::ofstream(top / path) << text; }
};

std::string names_of(const FileWatcher& watcher, const fs::path& top, const std::string& path) {
  std::string all;
  for (const FileWatcher::OtherName& name : watcher.other_names(top / path))
    all += (all.empty() ? "" : ", ") + fs::path(name.path).lexically_relative(top).string() + (name.tree ? "/" : "") +
           (name.here_leads ? " from here" : "") + (name.there_leads ? " to here" : "");
  return all;
}

TEST_F(FileWatcherTest, KnowsOfOneEntryByTwoPaths) {
  fs::create_directories(top / "real/sub");
  fs::create_directory_symlink("real", top / "link");
  watch("real/f");
  watch("real/g");
  EXPECT_FALSE(watcher->has_other_names());
  watch("link/f");
  EXPECT_TRUE(watcher->has_other_names());
  EXPECT_EQ(names_of(*watcher, top, "link/f"), "real/f");
  EXPECT_EQ(names_of(*watcher, top, "real/f"), "link/f");
  EXPECT_EQ(names_of(*watcher, top, "real/g"), "");
  EXPECT_EQ(names_of(*watcher, top, "link/sub/x"), "") << "nobody watches there";
  watch("real", {.recursive = true});
  watch("link/sub/x");
  EXPECT_EQ(names_of(*watcher, top, "link/sub/x"), "real/") << "a part of a tree";
  // A link that is moved has moved when it has been told of.
  fs::create_directories(top / "other");
  fs::create_directory_symlink("other", top / "new");
  fs::rename(top / "new", top / "link");
  watcher->drain();
  EXPECT_EQ(names_of(*watcher, top, "real/f"), "");
  watches.clear();
  EXPECT_FALSE(watcher->has_other_names());
}

TEST_F(FileWatcherTest, KnowsWhatAFollowedLinkLeadsTo) {
  fs::create_directories(top / "d");
  fs::create_symlink("d/f", top / "link");
  watch("d/f");
  EXPECT_FALSE(watcher->has_other_names());
  watch("link", {.follow = true});
  EXPECT_EQ(names_of(*watcher, top, "link"), "d/f from here");
  EXPECT_EQ(names_of(*watcher, top, "d/f"), "link to here");
  fs::remove(top / "link");
  watcher->drain();
  EXPECT_EQ(names_of(*watcher, top, "d/f"), "");
  EXPECT_FALSE(watcher->has_other_names());
}

// Folders exchanged for links in one step, again and again, and all of it removed: what goes lets others go, and none
// of them is let go of twice.
TEST_F(FileWatcherTest, LetsGoOfWhatLetsGoOfOthers) {
  std::uint32_t seed = 1;
  auto next = [&](std::uint32_t below) { return (seed = seed * 1664525 + 1013904223) / 65536 % below; };
  auto exchange = [](const fs::path& a, const fs::path& b) {
    ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
  };
  fs::create_directories(top / "outside/e0");
  fs::create_directories(top / "tree");
  watch("tree", {.recursive = true});
  for (int round = 0; round < 30; ++round) {
    std::error_code ignored;
    for (int d = 0; d < 4; ++d) {
      fs::path folder = top / "tree" / ("d" + std::to_string(d));
      fs::create_directories(folder, ignored);
      fs::create_directory_symlink(top / "outside", top / "tree" / ("l" + std::to_string(d)), ignored);
      if (fs::is_symlink(folder)) continue;
      fs::create_directory_symlink(top / "outside", folder / "l", ignored);
      for (int e = 0; e < 3; ++e) fs::create_directories(folder / ("e" + std::to_string(e)), ignored);
    }
    for (std::uint32_t step = 0, steps = next(30); step < steps; ++step) {
      std::string d = std::to_string(next(4));
      exchange(top / "tree" / ("d" + d), top / "tree" / ("l" + d));
      fs::path folder = top / "tree" / ("d" + d);
      if (!fs::is_symlink(folder)) exchange(folder / ("e" + std::to_string(next(3))), folder / "l");
      if (next(4) == 0) watcher->drain();
    }
    for (int d = 0; d < 4; ++d) {
      fs::remove_all(top / "tree" / ("d" + std::to_string(d)), ignored);
      fs::remove_all(top / "tree" / ("l" + std::to_string(d)), ignored);
      if (next(2) == 0) watcher->drain();
    }
  }
  watches.clear();
  EXPECT_LE(watcher->kernel_watches(), 1u) << "only the root's";
}

TEST_F(FileWatcherTest, OneThatWaitsForCloseIsNotToldOfWritesBeforeIt) {
  write("f", "old");
  watch("f", {.closes = true});
  Fd file(::open((top / "f").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  ASSERT_EQ(::write(file.get(), "half", 4), 4);
  EXPECT_TRUE(is_quiet("f"));
  file.reset();
  EXPECT_FALSE(is_quiet("f"));
  fs::rename(top / "f", top / "g");
  EXPECT_FALSE(is_quiet("f"));
}

TEST_F(FileWatcherTest, SeesCreateWriteRenameModeAndDelete) {
  watch("f");
  write("f", "1");
  EXPECT_TRUE(called("f"));
  drain();
  write("f", "2");
  EXPECT_TRUE(called("f"));
  EXPECT_EQ(last["f"], FileWatcher::Event::Content);
  drain();
  fs::permissions(top / "f", fs::perms::owner_read);
  EXPECT_TRUE(called("f"));
  EXPECT_EQ(last["f"], FileWatcher::Event::Entry);
  drain();
  write("g", "3");
  fs::rename(top / "g", top / "f");
  EXPECT_TRUE(called("f"));
  drain();
  fs::remove(top / "f");
  EXPECT_TRUE(called("f"));
}

TEST_F(FileWatcherTest, AnotherFileOfTheFolderIsNoEvent) {
  watch("f");
  write("other", "1");
  drain();
  EXPECT_EQ(calls["f"], 0);
}

TEST_F(FileWatcherTest, ParentsThatDontExistYetAreWatchedForStepByStep) {
  watch("a/b/c/f");
  fs::create_directory(top / "a");
  EXPECT_TRUE(called("a/b/c/f"));
  drain();
  fs::create_directories(top / "a/b/c");
  EXPECT_TRUE(called("a/b/c/f"));
  drain();
  write("a/b/c/f", "x");
  EXPECT_TRUE(called("a/b/c/f"));
}

TEST_F(FileWatcherTest, AParentThatIsRenamedAwayAndMadeAgainIsFollowed) {
  fs::create_directories(top / "a/b");
  watch("a/b/f");
  fs::rename(top / "a", top / "gone");
  EXPECT_TRUE(called("a/b/f"));
  drain();
  write("gone/b/f", "not ours any more");
  drain();
  EXPECT_EQ(calls["a/b/f"], 0);
  fs::create_directories(top / "a/b");
  EXPECT_TRUE(called("a/b/f"));
  drain();
  write("a/b/f", "x");
  EXPECT_TRUE(called("a/b/f"));
}

TEST_F(FileWatcherTest, HeldItTellsOnlyWhoDrainsIt) {
  watch("f");
  drain();
  watcher->hold(true);
  write("f", "1");
  for (int i = 0; i < 5; ++i) loop.poll();
  EXPECT_EQ(calls["f"], 0);
  watcher->drain();
  EXPECT_EQ(calls["f"], 1);
  write("f", "2");
  watcher->hold(false);
  EXPECT_TRUE(called("f"));
}

TEST_F(FileWatcherTest, TellsTheWayFromWhatStandsAtItsEnd) {
  fs::create_directories(top / "a/b");
  watch("a/b/f");
  write("a/b/f", "1");
  EXPECT_TRUE(called("a/b/f"));
  EXPECT_EQ(last["a/b/f"], FileWatcher::Event::Content);
  drain();
  fs::permissions(top / "a", fs::perms::owner_all);
  EXPECT_TRUE(called("a/b/f"));
  EXPECT_EQ(last["a/b/f"], FileWatcher::Event::Way);
  drain();
  fs::rename(top / "a/b", top / "a/c");
  EXPECT_TRUE(called("a/b/f"));
  EXPECT_EQ(last["a/b/f"], FileWatcher::Event::Way);
  drain();
  // Both in one reading of the queue.
  fs::rename(top / "a/c", top / "a/b");
  drain();
  write("a/b/f", "2");
  fs::permissions(top / "a/b", fs::perms::owner_all);
  drain();
  EXPECT_EQ(last["a/b/f"], FileWatcher::Event::Anything);
}

TEST_F(FileWatcherTest, AModeChangeOfAParentIsAnEvent) {
  fs::create_directories(top / "a/b");
  watch("a/b/f");
  fs::permissions(top / "a", fs::perms::owner_all);
  EXPECT_TRUE(called("a/b/f"));
}

TEST_F(FileWatcherTest, ALinkOnTheWayThatPointsElsewhereIsSeen) {
  fs::create_directories(top / "one");
  fs::create_directories(top / "two");
  fs::create_directory_symlink(top / "one", top / "link");
  watch("link/f");
  write("one/f", "1");
  EXPECT_TRUE(called("link/f"));
  drain();
  fs::create_directory_symlink(top / "two", top / "new-link");
  fs::rename(top / "new-link", top / "link");
  EXPECT_TRUE(called("link/f"));
  drain();
  write("one/f", "2");
  drain();
  EXPECT_EQ(calls["link/f"], 0);
  write("two/f", "2");
  EXPECT_TRUE(called("link/f"));
  drain();
  fs::rename(top / "two", top / "three");  // the link dangles
  EXPECT_TRUE(called("link/f"));
  drain();
  fs::create_directories(top / "two");
  EXPECT_TRUE(called("link/f"));
  drain();
  write("two/f", "3");
  EXPECT_TRUE(called("link/f"));
}

TEST_F(FileWatcherTest, FollowSeesWhatTheLastLinkPointsTo) {
  write("target", "1");
  fs::create_symlink("target", top / "f");
  watch("f", {.follow = true});
  write("target", "2");
  EXPECT_TRUE(called("f"));
  drain();
  write("other", "1");
  drain();
  fs::remove(top / "f");
  fs::create_symlink("other", top / "f");
  EXPECT_TRUE(called("f"));
  drain();
  write("other", "2");
  EXPECT_TRUE(called("f"));
}

TEST_F(FileWatcherTest, TwoNamesOfOneFolderSurviveThatALinkInItGoes) {
  fs::create_directories(top / "data/app/releases/1");
  fs::create_directory_symlink(top / "data/app", top / "srv");
  fs::create_directory_symlink(top / "data/app/releases/1", top / "data/app/current");
  watch("srv/current/x");
  fs::remove(top / "data/app/current");
  EXPECT_TRUE(called("srv/current/x"));
  drain();
  fs::create_directory(top / "data/app/current");
  EXPECT_TRUE(called("srv/current/x"));
  drain();
  write("data/app/current/x", "1");
  EXPECT_TRUE(called("srv/current/x"));
}

TEST_F(FileWatcherTest, ATreeWhosePartsBecomeLinksIntoEachOtherIsLetGoWhole) {
  fs::create_directories(top / "t/a");
  fs::create_directories(top / "t/z");
  watch("t", {.recursive = true});
  fs::remove_all(top / "t/a");
  fs::remove_all(top / "t/z");
  fs::create_directory_symlink("z/x", top / "t/a");
  EXPECT_TRUE(called("t"));
  drain();
  fs::create_directories(top / "t/new");
  EXPECT_TRUE(called("t"));
  watches.clear();
  EXPECT_EQ(watcher->kernel_watches(), 1u);
}

TEST_F(FileWatcherTest, ARelativeLinkBehindALinkIsFollowedFromWhereItReallyStands) {
  fs::create_directories(top / "opt/etc");
  fs::create_directories(top / "opt/shared");
  write("opt/shared/conf", "1");
  fs::create_symlink("../shared/conf", top / "opt/etc/conf");
  fs::create_directory_symlink(top / "opt/etc", top / "etc");
  watch("etc/conf", {.follow = true});
  write("opt/shared/conf", "2");
  EXPECT_TRUE(called("etc/conf"));
}

TEST_F(FileWatcherTest, LinksInALoopEnd) {
  fs::create_symlink("b", top / "a");
  fs::create_symlink("a", top / "b");
  fs::create_symlink("self/x", top / "self");
  watch("a/f", {.follow = true});
  watch("a", {.follow = true});
  watch("self/f");
  fs::remove(top / "a");
  write("a", "no link any more");
  EXPECT_TRUE(called("a"));
}

TEST_F(FileWatcherTest, ARecursiveWatchSeesFoldersThatComeLater) {
  fs::create_directories(top / "t/x/y");
  watch("t/", {.recursive = true});
  write("t/x/y/f", "1");
  EXPECT_TRUE(called("t/"));
  drain();
  fs::create_directories(top / "t/new/deep");
  EXPECT_TRUE(called("t/"));
  drain();
  write("t/new/deep/f", "1");
  EXPECT_TRUE(called("t/"));
  drain();
  fs::remove_all(top / "t");
  EXPECT_TRUE(called("t/"));
  drain();
  fs::create_directories(top / "t/again");
  EXPECT_TRUE(called("t/"));
  drain();
  write("t/again/f", "1");
  EXPECT_TRUE(called("t/"));
}

TEST_F(FileWatcherTest, OneFolderIsWatchedOnceForManyFilesAndLetGoWithTheLast) {
  drain();
  std::size_t before = watcher->kernel_watches();
  for (int i = 0; i < 100; ++i) watch("f" + std::to_string(i));
  EXPECT_EQ(watcher->kernel_watches(), before + 3);  // "/", "/tmp" and the folder
  watches.clear();
  EXPECT_EQ(watcher->kernel_watches(), 1u);  // "/" is kept
}

TEST_F(FileWatcherTest, AWatchMayGoWhileItsEventIsOnTheWay) {
  watch("f");
  watch("g");
  write("f", "1");
  write("g", "1");
  watches.erase(watches.begin());
  EXPECT_TRUE(called("g"));
  EXPECT_EQ(calls["f"], 0);
}

TEST_F(FileWatcherTest, AQueueThatOverflowsCallsEverybody) {
  watch("f");
  fs::create_directory(top / "busy");
  watch("busy/g");
  int limit = std::stoi(read_file("/proc/sys/fs/inotify/max_queued_events"));
  for (int i = 0; i <= limit; ++i) {  // two events each
    std::string path = top / "busy" / std::to_string(i);
    Fd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ::unlink(path.c_str());
  }
  write("f", "lost in the overflow");
  EXPECT_TRUE(called("f"));
  EXPECT_EQ(last["f"], FileWatcher::Event::Anything);
  EXPECT_EQ(warnings.size(), 1u);
}

// In a user namespace of its own, whose limits nobody else has.
int with_inotify_limit(const char* file, int limit, int (*body)()) {
  pid_t pid = fork();
  if (pid == 0) {
    uid_t uid = getuid();
    if (unshare(CLONE_NEWUSER) != 0) _exit(77);
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
    std::ofstream out(file);
    out << limit << std::flush;
    if (!out) _exit(77);
    _exit(body());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int sees_a_change_by_polling() {
  char name[] = "/tmp/mgmt-watch-XXXXXX";
  fs::path top = mkdtemp(name);
  Loop loop;
  int warnings = 0, calls = 0;
  std::size_t polled = 0;
  {
    FileWatcher watcher(loop, [&](const std::string&) { ++warnings; });
    auto f = watcher.watch(top / "f", {}, [&](FileWatcher::Event) {
      ++calls;
      loop.stop();
    });
    auto g = watcher.watch(top / "g", {}, [](FileWatcher::Event) {});
    polled = watcher.polled_paths();
    std::ofstream(top / "f") << "x";
    Loop::Timer giving_up(loop);
    giving_up.after(10s, [&] { loop.stop(); });
    loop.run();
  }
  fs::remove_all(top);
  return calls == 0 ? 1 : warnings != 1 ? 2 : polled != 2 ? 3 : 0;
}

TEST(FileWatcherLimits, WithoutAnyInstancePathsArePolledAfterOneWarning) {
  int result = with_inotify_limit("/proc/sys/user/max_inotify_instances", 0, sees_a_change_by_polling);
  if (result == 77) GTEST_SKIP() << "no user namespace here";
  EXPECT_EQ(result, 0);
}

TEST(FileWatcherLimits, WithOneWatchTheRestIsPolled) {
  int result = with_inotify_limit("/proc/sys/user/max_inotify_watches", 1, sees_a_change_by_polling);
  if (result == 77) GTEST_SKIP() << "no user namespace here";
  EXPECT_EQ(result, 0);
}

TEST_F(FileWatcherTest, ACallKnowsWhatItIsMadeFor) {
  fs::create_directories(top / "d/e");
  write("f", "one");
  write("d/e/g", "one");
  watch("f");
  watch("d/e/g");
  std::string at = top.string();
  write("f", "two");
  ASSERT_TRUE(called("f"));
  EXPECT_TRUE(told["f"].starts_with(at + "/f was written (MODIFY")) << told["f"];
  drain();
  fs::permissions(top / "f", fs::perms(0600));
  ASSERT_TRUE(called("f"));
  EXPECT_EQ(told["f"], at + "/f was changed in its attributes (ATTRIB)");
  fs::remove(top / "f");
  ASSERT_TRUE(called("f"));
  EXPECT_EQ(told["f"], at + "/f was removed (DELETE)");
  write("new", "three");
  fs::rename(top / "new", top / "f");
  ASSERT_TRUE(called("f"));
  EXPECT_EQ(told["f"], at + "/f was moved there (MOVED_TO)");
  // A folder above.
  fs::rename(top / "d", top / "away");
  ASSERT_TRUE(called("d/e/g"));
  EXPECT_EQ(told["d/e/g"], at + "/d was moved away (MOVED_FROM)");
  EXPECT_FALSE(watcher->telling()) << "outside of a call";
}

TEST_F(FileWatcherTest, ACallOfATreeKnowsWhatInItHasChanged) {
  fs::create_directories(top / "tree/below");
  watch("tree", {.recursive = true});
  write("tree/below/file", "one");
  ASSERT_TRUE(called("tree"));
  EXPECT_TRUE(told["tree"].starts_with(top.string() + "/tree/below/file was created")) << told["tree"];
  drain();
  // Of several, the last.
  write("tree/a", "one");
  fs::remove(top / "tree/below/file");
  ASSERT_TRUE(called("tree"));
  EXPECT_EQ(told["tree"], top.string() + "/tree/below/file was removed (DELETE)");
  watcher->poll_now();
  EXPECT_FALSE(watcher->telling());
}

TEST(Told, SaysEachWordOnce) {
  EXPECT_EQ(
      to_text({.path = "/f", .mask = 0x200 | 0x100 | 0x2 | 0x8 | 0x4}),
      "/f was removed, created, written and changed in its attributes (DELETE, CREATE, MODIFY, CLOSE_WRITE, ATTRIB)");
  EXPECT_EQ(to_text({.path = "/f", .mask = 0}), "");
}

}  // namespace
}  // namespace mgmt::events
