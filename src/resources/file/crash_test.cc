// SPDX-License-Identifier: GPL-3.0-or-later
// A writer that is killed at random moments. It is this program again, since a fork would share our identity.
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <random>

#include "src/resources/drafts.h"
#include "src/resources/file/testing.h"

namespace mgmt::file {
namespace {

constexpr int kFiles = 20;

std::string content_of(char letter, int number) {
  return std::string(20000 + static_cast<std::size_t>(number), letter);
}

std::string leftovers(const std::string& folder) {
  std::string out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (drafts::is_name(entry.path().filename().string())) out += entry.path().filename().string() + " ";
  return out;
}

class FileCrash : public FileTest {
 public:
  ~FileCrash() override {
    ::close(ready_[0]);
    ::close(ready_[1]);
  }

 protected:
  // Starts this program as one that does `role` in `folder`.
  pid_t start(const char* role, const std::string& folder) {
    std::string filter = std::string("--gtest_filter=FileCrash.DISABLED_") + role;
    pid_t child = ::fork();
    if (child != 0) return child;
    ::setenv("MGMT_TEST_FOLDER", folder.c_str(), 1);
    // Told by the writer's first byte there that it writes.
    ::dup2(ready_[1], kReady);
    int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, 1);
    ::execl("/proc/self/exe", "file_test", "--gtest_also_run_disabled_tests", filter.c_str(), nullptr);
    ::_exit(127);
  }
  FileCrash() { EXPECT_EQ(::pipe2(ready_, O_CLOEXEC), 0); }
  static int wait_for(pid_t child) {
    int ending = 0;
    ::waitpid(child, &ending, 0);
    return ending;
  }
  static constexpr int kReady = 5;
  int ready_[2] = {};
};

// These two are no tests by themselves: what a child runs, as a run of one agent.
TEST_F(FileCrash, DISABLED_Writer) {
  const char* folder = ::getenv("MGMT_TEST_FOLDER");
  ASSERT_TRUE(folder);
  drafts::belong_to(std::string(folder) + "/../records", "agent");
  for (int round = 0;; ++round) {
    for (int i = 0; i < kFiles; ++i) {
      std::string content = content_of(round % 2 ? 'a' : 'b', i);
      FileResource file = resource(std::string(folder) + "/f" + std::to_string(i),
                                   {{"content", Value(content)}, {"mode", Value("0600")}});
      enforce(file);
      if (round == 0 && i == 0) ASSERT_EQ(::write(kReady, "", 1), 1);
      if (round % 5 == 4 && i % 4 == 0) std::filesystem::remove(std::string(folder) + "/f" + std::to_string(i));
    }
  }
}

TEST_F(FileCrash, DISABLED_Checker) {
  const char* folder = ::getenv("MGMT_TEST_FOLDER");
  ASSERT_TRUE(folder);
  drafts::belong_to(std::string(folder) + "/../records", "agent");
  // Nothing to do: the check alone clears up.
  FileResource file = resource(std::string(folder) + "/nothing", {{"state", Value("absent")}});
  EXPECT_TRUE(enforce(file).empty());
  EXPECT_EQ(leftovers(folder), "");
}

TEST_F(FileCrash, EachFileIsTheOldOrTheNewOneAndTheNextRunClearsUp) {
  std::mt19937 random(20240801);
  int left = 0;
  folder("records");
  // On, and longer each, until a kill has hit: on a busy machine the first hundred may all come before a file is
  // replaced.
  for (int round = 0; round < 100 || (left == 0 && round < 1000); ++round) {
    std::string run = "run" + std::to_string(round);
    std::string where = at(run);
    folder(run);
    pid_t child = start("Writer", where);
    char byte;
    ASSERT_EQ(::read(ready_[0], &byte, 1), 1);
    // A moment that nobody chose: the one wait here that is for no event.
    ::usleep(random() % (10000 * (1 + static_cast<unsigned>(round) / 100)));
    ::kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child), SIGKILL) << "the writer ended by itself";
    for (int i = 0; i < kFiles; ++i) {
      std::string name = run + "/f" + std::to_string(i);
      if (!exists(name)) continue;
      std::string now = text(name);
      ASSERT_TRUE(now == content_of('a', i) || now == content_of('b', i)) << name << ": " << now.size();
      ASSERT_EQ(mode(name), "0600");
    }
    if (leftovers(where).empty()) continue;
    ++left;
    ASSERT_EQ(wait_for(start("Checker", where)), 0) << "still there: " << leftovers(where);
  }
  EXPECT_GT(left, 0) << "no kill hit a file being written, so this has shown nothing";
  EXPECT_LE(names("records").size(), 60U) << "more than the last run's: " << names("records");
}

TEST_F(FileCrash, OnlyTheDraftsOfThisAgentsDeadRunsGo) {
  std::string dead_id = "00000000deadbeef";
  folder("records");
  folder("elsewhere");
  put("records/me.run-" + dead_id, folder_ + std::string("\0", 1) + at("elsewhere") + std::string("\0", 1) + "cut sh");
  put("records/other.run-1111111111111111", folder_ + std::string("\0", 1));
  drafts::belong_to(at("records"), "me");
  std::string mine;
  drafts::append_name(mine, folder_);
  ASSERT_TRUE(drafts::is_name(mine));
  put(mine, "being written");
  std::string dead = ".mgmt-" + dead_id + "-3~", other = ".mgmt-1111111111111111-0~";
  put(dead, "left");
  folder("elsewhere/" + dead + "/with/content");
  put(other, "of another agent, alive or not");
  for (const char* name : {".mgmt-", ".mgmt-00000000deadbeef-~", ".mgmt-00000000deadbeef-3", ".mgmt-deadbeef-3~",
                           ".mgmt-00000000deadbeef-x~", "mgmt~"}) {
    EXPECT_FALSE(drafts::is_name(name)) << name;
    put(name, "");
  }
  std::string all = names();
  FileResource f = resource("f", {{"state", Value("absent")}});
  f.check({.dry = true});
  EXPECT_EQ(names(), all) << "a dry run removes nothing";
  f.check({});
  EXPECT_TRUE(exists(mine));
  EXPECT_TRUE(exists(other));
  EXPECT_FALSE(exists(dead));
  EXPECT_EQ(names("elsewhere"), "");
  EXPECT_TRUE(exists(".mgmt-00000000deadbeef-3"));
  EXPECT_FALSE(exists("records/me.run-" + dead_id));
  EXPECT_TRUE(exists("records/other.run-1111111111111111"));
  ASSERT_EQ(::unlink(at(mine).c_str()), 0);
  drafts::forget();
  EXPECT_EQ(names("records"), "other.run-1111111111111111");
}

}  // namespace
}  // namespace mgmt::file
