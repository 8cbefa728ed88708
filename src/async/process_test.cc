// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "src/async/slice.h"

namespace mgmt {
namespace {

using namespace std::chrono_literals;

const std::vector<std::pair<std::string, std::string>> kEnv = {{"PATH", "/usr/bin:/bin"}};

Command command(std::vector<std::string> argv) { return {.argv = std::move(argv), .env = kEnv}; }
Command shell(std::string text) { return command({"/bin/sh", "-c", std::move(text)}); }

// All that is left in a pipe until its last writer closes it.
std::string read_to_end(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    poll(&ready, 1, -1);
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

// Ended and reaped, or never there. A zombie is there.
bool is_gone(pid_t pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

// For a child's child: it ends, and init may take its time to reap it.
void wait_until_dead(pid_t pid) {
  TimePoint give_up = Clock::now() + 10s;
  bool dead = false;
  while (!dead && Clock::now() < give_up) {
    std::string stat;
    try {
      stat = read_file(fmt::format("/proc/{}/stat", pid));
    } catch (const Error&) {
      return;
    }
    dead = stat.contains(") Z ");
    if (!dead) std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(dead) << pid;
}

// The kernel's limits and death are tried in a process of their own: `body` runs there, its exit status comes back.
template <class Body>
int in_a_process(Body body) {
  pid_t pid = fork();
  if (pid == 0) {
    try {
      _exit(body());
    } catch (const std::exception& failure) {
      fmt::print(stderr, "{}\n", failure.what());
      _exit(99);
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct Done {
  Ending ending;
  std::string out, err;
};

struct ProcessTest : testing::Test {
  Loop loop;
  Spawner spawner{loop};
  std::shared_ptr<int> owner = std::make_shared<int>();

  Result<Child> start(Command what) {
    Result<Child> result = Child();
    spawner.spawn(std::move(what), owner, [&](Result<Child> started) {
      result = std::move(started);
      loop.stop();
    });
    loop.run();
    return result;
  }
  void wait(Child& child) {
    Loop::FdWatch ended(loop, child.pidfd(), [&] { loop.stop(); });
    loop.run();
  }
  // Until all that was killed has been reaped.
  void settle() {
    Loop::Timer look(loop);
    std::function<void()> again = [&] {
      if (spawner.running() == 0) loop.stop();
      else look.after(1ms, [&] { again(); });
    };
    again();
    if (spawner.running() != 0) loop.run();
  }
  Result<Done> run(Command what) {
    Result<Child> child = start(std::move(what));
    if (!child) return std::unexpected(child.error());
    Done done;
    done.out = read_to_end(child->out().get());
    done.err = read_to_end(child->err().get());
    wait(*child);
    done.ending = child->reap();
    return done;
  }
};

TEST_F(ProcessTest, PrintsOnTwoStreamsAndEndsWithItsStatus) {
  auto done = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->out, "out\n");
  EXPECT_EQ(done->err, "err\n");
  EXPECT_EQ(done->ending.status, 3);
  EXPECT_EQ(done->ending.signal, 0);
  EXPECT_EQ(spawner.running(), 0u);
}

TEST_F(ProcessTest, EndsBySignal) {
  auto done = run(shell("kill -9 $$"));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->ending.signal, SIGKILL);
}

TEST_F(ProcessTest, GetsNothingButWhatItWasGiven) {
  setenv("SECRET_OF_THE_AGENT", "x", 1);
  Command what = command({"env"});
  what.env.emplace_back("A", "1 2");
  auto done = run(std::move(what));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, "PATH=/usr/bin:/bin\nA=1 2\n");
}

TEST_F(ProcessTest, InheritsNoDescriptorAndReadsFromDevNull) {
  int open_one = open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC, as a library would
  auto done = run(shell("readlink /proc/$$/fd/0; ls /proc/$$/fd; umask"));
  close(open_one);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, "/dev/null\n0\n1\n2\n0022\n");
}

TEST_F(ProcessTest, HasNoSignalBlockedOrIgnoredWhateverTheAgentDoes) {
  auto before = signal(SIGPIPE, SIG_IGN);
  sigset_t block, old;
  sigemptyset(&block);
  sigaddset(&block, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &block, &old);
  auto done = run(command({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  signal(SIGPIPE, before);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

// Where the kernel grants no slices (before Linux 6.12) all are the same.
TEST(ProcessSlices, TheAgentsShortOnesAreNotTheChilds) {
  EXPECT_EQ(in_a_process([] {
              auto slice_of = [](pid_t pid) {
                // Its header and <sched.h> can't be had together.
                struct {
                  std::uint32_t size, policy;
                  std::uint64_t flags;
                  std::int32_t nice;
                  std::uint32_t priority;
                  std::uint64_t runtime, deadline, period;
                } attributes{};
                syscall(SYS_sched_getattr, pid, &attributes, sizeof attributes, 0);
                return attributes.runtime;
              };
              UsualSlices of_this;
              auto usual = slice_of(0);
              take_short_slices();
              if (usual != 0 && slice_of(0) != 100'000) return 1;
              Loop loop;
              Spawner spawner(loop);
              auto owner = std::make_shared<int>();
              bool same = false;
              spawner.spawn(command({"sleep", "60"}), owner, [&](Result<Child> child) {
                same = child && slice_of(child->pid()) == usual;
                loop.stop();
              });
              loop.run();
              return same ? 0 : 2;
            }),
            0);
}

TEST_F(ProcessTest, RunsInItsFolder) {
  Command what = command({"pwd"});
  what.cwd = "/usr";
  EXPECT_EQ(run(what)->out, "/usr\n");
  what.cwd = "";
  EXPECT_EQ(run(what)->out, std::filesystem::current_path().string() + "\n");
}

TEST_F(ProcessTest, SaysWhyItDidNotStart) {
  auto text = [&](Command what) {
    auto done = run(std::move(what));
    return done ? std::string("it started") : done.error().text() + " | " + done.error().hint_text();
  };
  EXPECT_EQ(
      text(command({"no-such-command"})),
      "starting `no-such-command`: command not found in PATH=/usr/bin:/bin | give its full path, or a PATH in `env`");
  EXPECT_EQ(text(command({"/no/such"})), "starting `/no/such`: No such file or directory | ");
  EXPECT_EQ(text(command({"/etc/passwd"})),
            "starting `/etc/passwd`: Permission denied | the file or a folder of its path may not be executed by this "
            "user, or is on a noexec mount");
  Command nowhere = command({"true"});
  nowhere.cwd = "/no/such";
  EXPECT_EQ(text(nowhere), "cwd /no/such: No such file or directory | ");

  std::string script = testing::TempDir() + "script-without-interpreter";
  close(open(script.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0755));
  EXPECT_EQ(text(command({script})), "starting `" + script +
                                         "`: Exec format error | a script needs a first line that names its "
                                         "interpreter, such as #!/bin/sh");
  int fd = open(script.c_str(), O_WRONLY | O_TRUNC);
  EXPECT_EQ(write(fd, "#!/no/such\n", 11), 11);
  close(fd);
  EXPECT_EQ(text(command({script})), "starting `" + script +
                                         "`: No such file or directory | the file is there: what its first line "
                                         "(#!) names, or its loader, is not");
  unlink(script.c_str());
  EXPECT_EQ(spawner.running(), 0u);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a zombie was left";
}

TEST_F(ProcessTest, BecomesAnotherUserAndStaysTiedToTheAgent) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  Command what = shell("id -u; id -g; id -G");
  what.identity = Command::Identity{.uid = 1234, .gid = 2345, .groups = {2345, 77}};
  auto done = run(std::move(what));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->out, "1234\n2345\n2345 77\n");
  EXPECT_EQ(geteuid(), 0u);
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
}

TEST_F(ProcessTest, DestroyedItTakesItsGroupWithItAndLeavesNoZombie) {
  auto child = start(shell("sleep 1000 & echo $!; wait"));
  ASSERT_TRUE(child);
  char line[32] = {};
  pollfd ready{.fd = child->out().get(), .events = POLLIN, .revents = 0};
  poll(&ready, 1, -1);
  ASSERT_GT(read(child->out().get(), line, sizeof line - 1), 0);
  pid_t leader = child->pid();
  child = Child();
  settle();
  EXPECT_TRUE(is_gone(leader));
  wait_until_dead(atoi(line));
}

TEST_F(ProcessTest, WithoutItsOwnerItIsNotStarted) {
  std::string mark = testing::TempDir() + "must-not-appear-" + std::to_string(getpid());
  // The thread is busy with the first while the owner of the others goes.
  auto first = std::make_shared<int>();
  bool called = false;
  spawner.spawn(command({"true"}), first, [](const Result<Child>&) {});
  {
    auto gone = std::make_shared<int>();
    std::weak_ptr<int> nobody = gone;
    gone.reset();
    spawner.spawn(command({"touch", mark}), nobody, [&](const Result<Child>&) { called = true; });
  }
  EXPECT_TRUE(run(command({"true"})));
  settle();
  EXPECT_FALSE(called);
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST_F(ProcessTest, TwoHundredAtOnceAllRunAndEnd) {
  std::vector<Child> children;
  for (int i = 0; i < 200; ++i) {
    spawner.spawn(shell(fmt::format("exit {}", i)), owner, [&](Result<Child> started) {
      ASSERT_TRUE(started) << started.error().text();
      children.push_back(std::move(*started));
      if (children.size() == 200) loop.stop();
    });
  }
  loop.run();
  std::set<int> seen;
  for (Child& child : children) {
    wait(child);
    seen.insert(child.reap().status);
  }
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(spawner.running(), 0u);
}

TEST_F(ProcessTest, AStopTellsTheGroupsAndThenKillsWhatDidNotListen) {
  auto polite = start(shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"));
  // Its leader ends on SIGTERM, one of its group doesn't.
  auto rude = start(shell("sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.01; done' & wait"));
  auto first_line = [](Child& child) {
    char line[32] = {};
    pollfd ready{.fd = child.out().get(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, -1);
    EXPECT_GT(read(child.out().get(), line, sizeof line - 1), 0);
    return std::string(line);
  };
  first_line(*polite);
  pid_t deaf = std::stoi(first_line(*rude));
  spawner.terminate_all();
  auto late = start(command({"true"}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().text(), "not started: the agent is stopping");
  wait(*polite);
  EXPECT_EQ(polite->reap().status, 7);
  wait(*rude);
  EXPECT_EQ(rude->reap().signal, SIGTERM);
  EXPECT_FALSE(is_gone(deaf));
  spawner.kill_all(Spawner::Spare::None);
  wait_until_dead(deaf);
  EXPECT_EQ(spawner.running(), 0u);
}

TEST_F(ProcessTest, WhatRunsBeforeTheLoopKnowsHearsOfAStopToo) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  Command polite = shell(
      fmt::format("trap 'exit 7' TERM; echo ready >/proc/{}/fd/{}; while :; do sleep 0.01; done", getpid(), ready[1]));
  Result<Child> result = Child();
  spawner.spawn(std::move(polite), owner, [&](Result<Child> started) {
    result = std::move(started);
    loop.stop();
  });
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  spawner.terminate_all();
  loop.run();
  ASSERT_TRUE(result) << result.error().text();
  wait(*result);
  EXPECT_EQ(result->reap().status, 7);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(ProcessTest, AStopSparesWhatIsToBeWaitedForAndLetsGoOfWhatIsLeft) {
  auto start_as = [&](Command::OnStop on_stop, std::string label) {
    Command what = shell("trap 'exit 7' TERM; while :; do sleep 0.01; done");
    what.on_stop = on_stop;
    what.label = std::move(label);
    return start(std::move(what));
  };
  auto waited = start_as(Command::OnStop::Wait, "exec[waited]");
  auto left = start_as(Command::OnStop::Leave, "exec[left]");
  pid_t left_pid = left->pid();
  bool told = false;
  left->on_left([&] {
    told = true;
    left = Child();
  });
  spawner.terminate_all();
  EXPECT_TRUE(told);
  EXPECT_EQ(spawner.waited_for(), std::vector<std::string>{"exec[waited]"});
  spawner.kill_all(Spawner::Spare::Waited);
  EXPECT_EQ(kill(waited->pid(), 0), 0);
  spawner.kill_all(Spawner::Spare::None);
  wait(*waited);
  EXPECT_EQ(waited->reap().signal, SIGKILL);
  EXPECT_EQ(spawner.running(), 0u);
  EXPECT_EQ(kill(left_pid, SIGKILL), 0);
  siginfo_t info{};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(left_pid), &info, WEXITED), 0);
  EXPECT_EQ(info.si_status, SIGKILL);
}

TEST_F(ProcessTest, LeadsASessionOfItsOwn) {
  auto done = run(shell("cut -d' ' -f1,5,6,7 /proc/$$/stat"));
  ASSERT_TRUE(done);
  std::string pid = done->out.substr(0, done->out.find(' '));
  // Process, process group and session are one, and there is no terminal.
  EXPECT_EQ(done->out, fmt::format("{0} {0} {0} 0\n", pid));
}

// 20 children that live for a moment, under a limit that lets only a few live at once.
int run_twenty_under(int resource, rlim_t soft, bool as_nobody) {
  rlimit limit{.rlim_cur = soft, .rlim_max = soft};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return 100;
  if (as_nobody && (setgid(54321) != 0 || setuid(54321) != 0)) return 101;
  Loop loop;
  Spawner spawner(loop);
  int warnings = 0;
  unsigned ended = 0, failed = 0, most = 0;
  spawner.set_warn([&](const std::string&) { ++warnings; });
  struct Running {
    Child child;
    Loop::FdWatch end;
  };
  std::map<int, Running> running;
  auto owner = std::make_shared<int>();
  for (int i = 0; i < 20; ++i) {
    spawner.spawn(command({"sleep", "0.3"}), owner, [&, i](Result<Child> started) {
      if (!started) {
        ++failed;
        return;
      }
      Running& entry = running[i];
      entry.child = std::move(*started);
      most = std::max<unsigned>(most, static_cast<unsigned>(running.size()));
      entry.end = Loop::FdWatch(loop, entry.child.pidfd(), [&, i] {
        Running entry_of_it = std::move(running[i]);
        running.erase(i);
        entry_of_it.end = {};
        entry_of_it.child.reap();
        if (++ended == 20) loop.stop();
      });
    });
  }
  loop.run();
  return failed != 0 ? 102 : warnings != 1 ? 103 : most >= 20 ? 104 : 0;
}

TEST(ProcessLimits, WithoutADescriptorLeftItWaitsForOneToEnd) {
  EXPECT_EQ(in_a_process([] { return run_twenty_under(RLIMIT_NOFILE, 40, false); }), 0);
}

TEST(ProcessLimits, WithoutADescriptorForTheFirstItFailsAndSaysWhy) {
  EXPECT_EQ(in_a_process([] {
              rlimit limit{.rlim_cur = 12, .rlim_max = 12};
              Loop loop;
              Spawner spawner(loop);
              setrlimit(RLIMIT_NOFILE, &limit);
              auto owner = std::make_shared<int>();
              int left = 3;
              std::string why;
              for (int i = 0; i < 3; ++i)
                spawner.spawn(command({"true"}), owner, [&](Result<Child> started) {
                  why += started ? "started" : started.error().text() + "\n";
                  if (--left == 0) loop.stop();
                });
              loop.run();
              std::string once = "the kernel refuses one more child process: Too many open files\n";
              if (why == once + once + once) return 0;
              fmt::print(stderr, "{}\n", why);
              return 1;
            }),
            0);
}

TEST(ProcessLimits, WithoutAProcessLeftItWaitsForOneToEnd) {
  if (geteuid() != 0) GTEST_SKIP() << "needs a user of its own, whose processes nobody else adds to";
  // 8: this one, two threads, and some children.
  EXPECT_EQ(in_a_process([] { return run_twenty_under(RLIMIT_NPROC, 8, true); }), 0);
}

TEST(ProcessLimits, TheAgentsRaisedLimitIsNotTheChilds) {
  EXPECT_EQ(in_a_process([] {
              rlimit limit{};
              getrlimit(RLIMIT_NOFILE, &limit);
              limit.rlim_cur = 200;
              setrlimit(RLIMIT_NOFILE, &limit);
              raise_descriptor_limit();
              rlimit raised{};
              getrlimit(RLIMIT_NOFILE, &raised);
              if (raised.rlim_cur != raised.rlim_max) return 1;
              Loop loop;
              Spawner spawner(loop);
              auto owner = std::make_shared<int>();
              std::string out;
              spawner.spawn(shell("ulimit -n"), owner, [&](Result<Child> child) {
                out = read_to_end(child->out().get());
                loop.stop();
              });
              loop.run();
              return out == "200\n" ? 0 : 2;
            }),
            0);
}

TEST(ProcessDeath, KilledTheAgentTakesItsChildrenWithIt) {
  int tell[2];
  ASSERT_EQ(pipe2(tell, O_CLOEXEC), 0);
  pid_t agent = fork();
  if (agent == 0) {
    Loop loop;
    Spawner spawner(loop);
    auto owner = std::make_shared<int>();
    Child kept;
    spawner.spawn(command({"sleep", "1000"}), owner, [&](Result<Child> child) {
      kept = std::move(*child);
      pid_t pid = kept.pid();
      if (write(tell[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    });
    loop.run();
    _exit(0);
  }
  pid_t child = 0;
  ASSERT_EQ(read(tell[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  int child_pidfd = static_cast<int>(syscall(434 /* pidfd_open */, child, 0));
  ASSERT_GE(child_pidfd, 0);
  kill(agent, SIGKILL);
  waitpid(agent, nullptr, 0);
  pollfd end{.fd = child_pidfd, .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&end, 1, 10000), 1) << "it outlived the agent";
  close(child_pidfd);
  close(tell[0]);
  close(tell[1]);
}

}  // namespace
}  // namespace mgmt
