// SPDX-License-Identifier: GPL-3.0-or-later
// A writer that is killed at random moments. It is this program again, since a fork would share our identity.
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <random>

#include "src/resources/file/temporary.h"
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
    if (is_temporary_name(entry.path().filename().string())) out += entry.path().filename().string() + " ";
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

// These two are no tests by themselves: what a child runs.
TEST_F(FileCrash, DISABLED_Writer) {
  const char* folder = ::getenv("MGMT_TEST_FOLDER");
  ASSERT_TRUE(folder);
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
  // Nothing to do: the check alone clears up.
  FileResource file = resource(std::string(folder) + "/nothing", {{"state", Value("absent")}});
  EXPECT_TRUE(enforce(file).empty());
  EXPECT_EQ(leftovers(folder), "");
}

TEST_F(FileCrash, EachFileIsTheOldOrTheNewOneAndTheNextRunClearsUp) {
  std::mt19937 random(20240801);
  int left = 0;
  for (int round = 0; round < 100; ++round) {
    std::string run = "run" + std::to_string(round);
    std::string folder = at(run);
    std::filesystem::create_directories(folder);
    pid_t child = start("Writer", folder);
    char byte;
    ASSERT_EQ(::read(ready_[0], &byte, 1), 1);
    // A moment that nobody chose: the one wait here that is for no event.
    ::usleep(random() % 10000);
    ::kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child), SIGKILL) << "the writer ended by itself";
    for (int i = 0; i < kFiles; ++i) {
      std::string name = run + "/f" + std::to_string(i);
      if (!exists(name)) continue;
      std::string now = text(name);
      ASSERT_TRUE(now == content_of('a', i) || now == content_of('b', i)) << name << ": " << now.size();
      ASSERT_EQ(mode(name), "0600");
    }
    if (leftovers(folder).empty()) continue;
    ++left;
    ASSERT_EQ(wait_for(start("Checker", folder)), 0) << "still there: " << leftovers(folder);
  }
  EXPECT_GT(left, 0) << "no kill hit a file being written, so this has shown nothing";
}

TEST_F(FileCrash, OnlyTheDraftsOfDeadWritersGo) {
  std::string mine;
  append_temporary_name(mine);
  ASSERT_TRUE(is_temporary_name(mine));
  put(mine, "being written");
  std::string system = mine.substr(0, mine.find('-', 6));
  std::string dead = system + "-4194305-77-0~";
  put(dead, "left");
  std::string reused = system + "-1-77-3~";  // process 1 lives, but began at another time
  put(reused, "left");
  std::string other_boot = ".mgmt-0-" + std::to_string(::getpid()) + "-77-3~";
  folder(other_boot + "/with/content");
  for (const char* name : {".mgmt-", ".mgmt-1-2-3~", ".mgmt-1-2-3-4", ".mgmt-x-2-3-4~", ".mgmt-1-2-3-4-5~", "mgmt~"}) {
    EXPECT_FALSE(is_temporary_name(name)) << name;
    put(name, "");
  }
  std::string all = names();
  FileResource f = resource("f", {{"state", Value("absent")}});
  f.check({.dry = true});
  EXPECT_EQ(names(), all) << "a dry run removes nothing";
  f.check({});
  EXPECT_TRUE(exists(mine));
  EXPECT_FALSE(exists(dead));
  EXPECT_FALSE(exists(reused));
  EXPECT_FALSE(exists(other_boot));
  EXPECT_TRUE(exists(".mgmt-1-2-3~"));
}

}  // namespace
}  // namespace mgmt::file
