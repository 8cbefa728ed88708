// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/who/who.h"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "src/events/inotify/fanotify.h"
#include "src/events/inotify/file_watcher.h"
#include "src/events/who/look.h"

namespace mgmt::events {
namespace {

namespace fs = std::filesystem;

TEST(Unit, TheInnermostServiceOrScopeCounts) {
  EXPECT_EQ(unit_of("0::/system.slice/ssh.service\n"), "ssh.service");
  EXPECT_EQ(unit_of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/vim.scope\n"), "vim.scope");
  EXPECT_EQ(unit_of("2:cpu:/x.service\n1:name=systemd:/user.slice/session-3.scope/inner\n"), "session-3.scope");
  EXPECT_EQ(unit_of("0::/\n"), "");
  EXPECT_EQ(unit_of(""), "");
}

TEST(Text, SaysWhatIsKnown) {
  EXPECT_EQ(
      (Process{.pid = 7, .command = "rm", .uid = 1000, .user = "alice", .session = 3, .unit = "ssh.service"}.text()),
      "rm (pid 7, user alice, session 3, unit ssh.service)");
  EXPECT_EQ((Process{.pid = 7, .command = "a\x1b[2J", .uid = 12345}.text()), "a\\x1b[2J (pid 7, user 12345)");
  EXPECT_EQ(Process{.pid = 7}.text(), "a process that has ended (pid 7)");
}

TEST(Look, SeesThisProcess) {
  auto self = look_at(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->command, "events_test");
  EXPECT_EQ(self->parent, ::getppid());
  look_closer(*self);
  EXPECT_TRUE(self->uid);
  EXPECT_FALSE(look_at(0));
}

// One record as the kernel writes it.
std::string record(std::uint32_t type, std::uint32_t pid, std::uint32_t other, std::string rest) {
  rest.resize((rest.size() + 7) / 8 * 8);
  perf_event_header header{};
  header.type = type;
  header.size = static_cast<std::uint16_t>(sizeof header + 8 + rest.size());
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(reinterpret_cast<const char*>(&pid), 4).append(reinterpret_cast<const char*>(&other), 4);
  return out + rest;
}
std::string ids(std::uint32_t tid, std::uint32_t parent) {
  std::string out(reinterpret_cast<const char*>(&tid), 4);
  return out.append(reinterpret_cast<const char*>(&parent), 4) + std::string(8, '\0');
}

TEST(Records, TheNewestOfAPidCounts) {
  std::string ring = record(PERF_RECORD_EXIT, 5, 2, ids(5, 2)) + record(PERF_RECORD_COMM, 5, 5, "rm") +
                     record(PERF_RECORD_COMM, 6, 6, "other") + record(PERF_RECORD_FORK, 5, 2, ids(5, 2)) +
                     record(PERF_RECORD_COMM, 5, 5, "older") + record(PERF_RECORD_FORK, 5, 9, ids(5, 9));
  RecentProcesses::Found found;
  read_records(ring.data(), ring.size(), 5, found);
  EXPECT_EQ(found.command, "rm");
  EXPECT_EQ(found.parent, 2);
  RecentProcesses::Found cut;
  for (std::size_t size = 0; size < ring.size(); ++size) read_records(ring.data(), size, 77, cut);
  EXPECT_EQ(cut.parent, 0);
}

// Where fanotify can be had: as root.
struct WhoTest : testing::Test {
  void SetUp() override {
    if (!Fanotify::create()) GTEST_SKIP() << "fanotify is for root";
    char name[] = "/tmp/mgmt-who-XXXXXX";
    top = ::mkdtemp(name);
  }
  void TearDown() override {
    if (!top.empty()) fs::remove_all(top);
  }
  // In a process of its own, which has ended when this returns.
  void elsewhere(const std::string& command) {
    pid_t child = ::fork();
    if (child == 0) {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    ::waitpid(child, nullptr, 0);
  }
  fs::path top;
  Loop loop;
  FileWatcher watcher{loop, [](const std::string&) {}};
};

TEST_F(WhoTest, OurOwnChangesAreNobodys) {
  auto watch = watcher.watch(top / "f", {}, [](FileWatcher::Event) {});
  std::ofstream(top / "f") << "x";
  watcher.drain();
  EXPECT_FALSE(watcher.take_changer(top / "f"));
}

TEST_F(WhoTest, OneThatHasEndedIsNamedByTheKernelsRecord) {
  RecentProcesses probe;
  Who who;
  who.remember_processes();
  pid_t child = ::fork();
  if (child == 0) ::execl("/bin/true", "true", nullptr);
  ::waitpid(child, nullptr, 0);
  if (!probe.find(child)) GTEST_SKIP() << "no perf events here";
  who.did("/x", child);
  auto by = who.take("/x");
  ASSERT_TRUE(by);
  EXPECT_EQ(by->command, "true");
  EXPECT_EQ(by->pid, child);
  EXPECT_EQ(by->parent, ::getpid());
  EXPECT_FALSE(who.take("/x"));
}

TEST_F(WhoTest, ModesOfFoldersAreSeenThoughOnlyTheFoldersThemselvesTellOfThem) {
  fs::create_directory(top / "d");
  int calls = 0;
  auto watch = watcher.watch(top / "d", {}, [&](FileWatcher::Event) { ++calls; });
  elsewhere("chmod 0700 " + (top / "d").string());
  watcher.drain();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(watcher.take_changer(top / "d"));
}

TEST_F(WhoTest, AFolderThatIsMovedAwayTellsNothingMore) {
  fs::create_directories(top / "d");
  auto fanotify = Fanotify::create();
  auto added = fanotify->add((top / "d").string(), IN_CREATE);
  ASSERT_EQ(added.failure, 0);
  EXPECT_EQ(fanotify->add((top / "d/.").string(), IN_DELETE).id, added.id);
  fs::rename(top / "d", top / "e");
  fanotify->remove(added.id, (top / "d").string());
  std::ofstream(top / "e/f") << "x";
  int events = 0;
  fanotify->read([&](const KernelEvent&) { ++events; });
  EXPECT_EQ(events, 0);
}

}  // namespace
}  // namespace mgmt::events
