// SPDX-License-Identifier: GPL-3.0-or-later
// What inotify doesn't tell: mounts, and file systems that don't tell of every change.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "src/events/inotify/file_watcher.h"

namespace mgmt::events {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// What one watched path was called for.
struct Watched {
  explicit Watched(FileWatcher::Tuning tuning = {})
      : watcher(loop, [this](std::string text) { warnings.push_back(std::move(text)); }, tuning) {}
  void watch(const std::string& path, FileWatcher::Options options = {}) {
    watches.push_back(watcher.watch(path, options, [this](FileWatcher::Event) {
      ++calls;
      loop.stop();
    }));
  }
  bool called() {
    Loop::Timer giving_up(loop);
    giving_up.after(10s, [this] { loop.stop(); });
    calls = 0;
    loop.run();
    bool was = calls > 0;
    // And what comes with it.
    for (int i = 0; i < 5; ++i) loop.poll();
    return was;
  }

  Loop loop;
  std::vector<std::string> warnings;
  FileWatcher watcher;
  int calls = 0;
  std::vector<std::unique_ptr<FileWatcher::Watch>> watches;
};

bool mount_tmpfs(const fs::path& at) { return ::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=1m") == 0; }
void write(const fs::path& path) { std::ofstream(path) << "x"; }

constexpr int kSkipped = 77;

// In a process with mounts of its own. `test` is given an empty folder, and returns the number of the step that failed,
// 0 if none did.
int with_own_mounts(const std::function<int(const fs::path&)>& test) {
  pid_t child = ::fork();
  if (child == 0) {
    uid_t uid = ::getuid();
    gid_t gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(kSkipped);
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
    std::ofstream("/proc/self/gid_map") << "0 " << gid << " 1";
    char name[] = "/tmp/mgmt-mounts-XXXXXX";
    fs::path top = ::mkdtemp(name);
    if (!mount_tmpfs(top)) ::_exit(kSkipped);
    int result = test(top);
    ::umount2(top.c_str(), MNT_DETACH);
    ::rmdir(top.c_str());
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define EXPECT_NO_STEP_FAILS(test)                             \
  int failed = with_own_mounts(test);                          \
  if (failed == kSkipped) GTEST_SKIP() << "no namespace here"; \
  EXPECT_EQ(failed, 0)

TEST(Mounted, AMountOverAFolderOnThePathIsSeenAndSoAreChangesInIt) {
  EXPECT_NO_STEP_FAILS([](const fs::path& top) {
    fs::create_directories(top / "a/b");
    Watched watched;
    watched.watch(top / "a/b/f");
    if (!mount_tmpfs(top / "a") || !watched.called()) return 1;
    fs::create_directory(top / "a/b");
    if (!watched.called()) return 2;
    write(top / "a/b/f");
    if (!watched.called()) return 3;
    if (::umount(top.c_str()) == 0 || ::umount((top / "a").c_str()) != 0 || !watched.called()) return 4;
    write(top / "a/b/f");
    if (!watched.called()) return 5;
    return 0;
  });
}

TEST(Mounted, AMountBelowALinkIsSeen) {
  EXPECT_NO_STEP_FAILS([](const fs::path& top) {
    fs::create_directories(top / "real/b");
    fs::create_directory_symlink("real", top / "link");
    Watched watched;
    watched.watch(top / "link/b/f");
    if (!mount_tmpfs(top / "real/b") || !watched.called()) return 1;
    write(top / "real/b/f");
    if (!watched.called()) return 2;
    return 0;
  });
}

TEST(Mounted, WhatIsMountedOnTheEntryItselfIsWatched) {
  EXPECT_NO_STEP_FAILS([](const fs::path& top) {
    fs::create_directory(top / "other");
    write(top / "other/source");
    write(top / "f");
    Watched watched;
    watched.watch(top / "f");
    if (::mount((top / "other/source").c_str(), (top / "f").c_str(), nullptr, MS_BIND, nullptr) != 0) return 1;
    if (!watched.called()) return 2;
    // Through neither of its folders' watches: `other` isn't watched, and `f` in `top` is what the mount hides.
    write(top / "other/source");
    if (!watched.called()) return 3;
    // A second watch, and the first one's end, take nothing away.
    watched.watch(top / "f");
    watched.watches.erase(watched.watches.begin());
    ::chmod((top / "f").c_str(), 0600);
    if (!watched.called()) return 4;
    if (::umount((top / "f").c_str()) != 0 || !watched.called()) return 5;
    write(top / "f");
    if (!watched.called()) return 6;
    return 0;
  });
}

TEST(Mounted, AMountDeepInARecursiveWatchIsSeenAndWatched) {
  EXPECT_NO_STEP_FAILS([](const fs::path& top) {
    fs::create_directories(top / "tree/a/b");
    Watched watched;
    watched.watch(top / "tree", {.recursive = true});
    if (!mount_tmpfs(top / "tree/a/b") || !watched.called()) return 1;
    write(top / "tree/a/b/f");
    if (!watched.called()) return 2;
    return 0;
  });
}

TEST(Mounted, AMountElsewhereCallsNobody) {
  EXPECT_NO_STEP_FAILS([](const fs::path& top) {
    fs::create_directories(top / "a");
    fs::create_directories(top / "elsewhere");
    Watched watched;
    watched.watch(top / "a/f");
    if (!mount_tmpfs(top / "elsewhere")) return 1;
    watched.watcher.catch_up();
    if (watched.calls != 0) return 2;
    // The mark is still there for the loop: and there is nothing new in it.
    for (int i = 0; i < 5; ++i) watched.loop.poll();
    return watched.calls == 0 ? 0 : 3;
  });
}

TEST(Incomplete, AFileSystemThatDoesntTellAllIsPolledAndNamedOnce) {
  char name[] = "/tmp/mgmt-incomplete-XXXXXX";
  fs::path top = ::mkdtemp(name);
  {
    Watched watched(
        {.incomplete_interval = 20ms, .incomplete_names = [](unsigned long) -> std::string_view { return "nfs"; }});
    watched.watch(top / "a/b/f");
    watched.watch(top / "g");
    EXPECT_EQ(watched.watcher.polled_paths(), 2U);
    ASSERT_EQ(watched.warnings.size(), 1U);
    EXPECT_TRUE(
        watched.warnings[0].ends_with(" (nfs) doesn't tell of every change: what lies there is looked at every 0 s"))
        << watched.warnings[0];
    EXPECT_TRUE(watched.called());
    EXPECT_TRUE(watched.called());  // again and again
    EXPECT_EQ(watched.warnings.size(), 1U);
  }
  fs::remove_all(top);
}

TEST(Incomplete, WhoCatchesUpLooksAtOnce) {
  char name[] = "/tmp/mgmt-incomplete-XXXXXX";
  fs::path top = ::mkdtemp(name);
  {
    Watched watched(
        {.incomplete_interval = 1h, .incomplete_names = [](unsigned long) -> std::string_view { return "nfs"; }});
    watched.watch(top / "f");
    watched.watcher.catch_up();
    EXPECT_EQ(watched.calls, 1);
  }
  fs::remove_all(top);
}

TEST(Incomplete, WhoAsksForChangesOnlyIsNotCalledByThePollItself) {
  char name[] = "/tmp/mgmt-incomplete-XXXXXX";
  fs::path top = ::mkdtemp(name);
  fs::create_directories(top / "tree/a");
  write(top / "f");
  write(top / "tree/a/g");
  {
    Watched watched(
        {.incomplete_interval = 1h, .incomplete_names = [](unsigned long) -> std::string_view { return "nfs"; }});
    watched.watch(top / "f", {.only_changes = true});
    watched.watch(top / "tree", {.recursive = true, .only_changes = true});
    watched.watcher.catch_up();
    EXPECT_EQ(watched.calls, 0);
    // An event calls once, and the poll doesn't call for the same again.
    ::chmod((top / "f").c_str(), 0600);
    watched.watcher.drain();
    EXPECT_EQ(watched.calls, 1);
    watched.watcher.catch_up();
    EXPECT_EQ(watched.calls, 1);
    // What no event tells, the poll finds: a write by another name of the file, in a folder that nobody watches.
    char other[] = "/tmp/mgmt-incomplete-XXXXXX";
    fs::path elsewhere = ::mkdtemp(other);
    fs::create_hard_link(top / "tree/a/g", elsewhere / "g");
    watched.watcher.catch_up();  // the number of links is an attribute
    int before = watched.calls;
    std::ofstream(elsewhere / "g") << "longer";
    watched.watcher.drain();
    EXPECT_EQ(watched.calls, before);
    watched.watcher.catch_up();
    EXPECT_EQ(watched.calls, before + 1);
    fs::remove_all(elsewhere);
  }
  fs::remove_all(top);
}

TEST(Incomplete, ElsewhereNothingIsPolled) {
  char name[] = "/tmp/mgmt-incomplete-XXXXXX";
  fs::path top = ::mkdtemp(name);
  {
    Watched watched({.incomplete_names = [](unsigned long) { return std::string_view(); }});
    watched.watch(top / "f");
    EXPECT_EQ(watched.watcher.polled_paths(), 0U);
    watched.watcher.catch_up();
    EXPECT_EQ(watched.calls, 0);
  }
  fs::remove_all(top);
}

}  // namespace
}  // namespace mgmt::events
