// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/confine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "src/async/confine_filter.h"
#include "src/base/fd.h"
#include "src/base/text.h"

namespace mgmt::confine {
namespace {

bool offered = false;

// What the processes inside tell the one outside, through a pipe.
struct Word {
  enum class Kind : int { Refused, NotStarted, Ended } kind = Kind::Refused;
  /// An errno, or how it ended, as wait() says it.
  int number = 0;
  char doing[120] = {};
};

// A step of the way in; thrown with the errno of the moment.
struct Stuck {
  explicit Stuck(std::string what) : doing(std::move(what)) {}
  std::string doing;
  int error = errno;
};

void must(bool went_well, const char* doing) {
  if (!went_well) throw Stuck(doing);
}

void tell(int pipe, Word::Kind kind, int number, std::string_view doing) {
  Word word{.kind = kind, .number = number};
  doing.copy(word.doing, sizeof word.doing - 1);
  // Shorter than PIPE_BUF: whole or not at all. Who can't be told sees the end of the pipe.
  [[maybe_unused]] ssize_t written = ::write(pipe, &word, sizeof word);
}

void write_text(const char* path, std::string_view text, const char* doing) {
  Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  must(file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()), doing);
}

// Whoever we are outside, we are inside: the kernel lets an ordinary user map no other.
void map_user(uid_t uid, gid_t gid) {
  write_text("/proc/self/setgroups", "deny", "mapping the groups of a user namespace");
  write_text("/proc/self/gid_map", fmt::format("{0} {0} 1", gid), "mapping the group of a user namespace");
  write_text("/proc/self/uid_map", fmt::format("{0} {0} 1", uid), "mapping the user of a user namespace");
}

bool has_mounts_below_tmp() {
  std::string mounts = read_file("/proc/self/mountinfo");
  for (std::string_view line : split_lines(mounts)) {
    // 36 35 98:0 /root /mount/point options ...
    for (int field = 0; field < 4; ++field) line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
    if (line.starts_with("/tmp/")) return true;
  }
  return false;
}

// What is in /tmp is seen, and what is written there is ours alone. False, and nothing done, where that can't be.
bool cover_tmp() {
  Fd below(::open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!below || ::fstat(below.get(), &status) != 0 || has_mounts_below_tmp()) return false;
  if (::mount("mgmt", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0) return false;
  std::string layers = fmt::format("lowerdir=/proc/self/fd/{},upperdir=/tmp/upper,workdir=/tmp/work", below.get());
  bool made = ::mkdir("/tmp/upper", 0700) == 0 && ::mkdir("/tmp/work", 0700) == 0 &&
              ::chmod("/tmp/upper", status.st_mode & 07777) == 0 &&
              ::mount("mgmt", "/tmp", "overlay", MS_NOSUID | MS_NODEV, layers.c_str()) == 0;
  if (!made) ::umount2("/tmp", MNT_DETACH);
  return made;
}

bool make_read_only() {
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "making the mounts private");
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  must(::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) == 0, "making the mounts read-only");
  return cover_tmp();
}

// To read all that root can, and to run a guard as its user: nothing else.
void drop_capabilities(bool ordinary) {
  std::uint64_t keep = ordinary ? 0
                                : std::uint64_t{1} << CAP_DAC_READ_SEARCH | std::uint64_t{1} << CAP_SETUID |
                                      std::uint64_t{1} << CAP_SETGID;
  must(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0, "dropping ambient capabilities");
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (keep >> capability & 1) continue;
    must(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, "dropping capabilities for good");
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> had{}, sets{};
  must(::syscall(SYS_capget, &header, had.data()) == 0, "reading our capabilities");
  for (unsigned half = 0; half < sets.size(); ++half) {
    sets[half].effective = sets[half].permitted = static_cast<__u32>(keep >> 32 * half) & had[half].permitted;
  }
  must(::syscall(SYS_capset, &header, sets.data()) == 0, "dropping capabilities");
}

// The header of Debian 12 is older than what newer kernels take.
struct LandlockRuleset {
  __u64 fs, net, scoped;
};
constexpr __u64 kTruncate = 1U << 14;
constexpr __u64 kBindTcp = 1U << 0, kConnectTcp = 1U << 1;
constexpr __u64 kScopeAbstractSockets = 1U << 0, kScopeSignals = 1U << 1;

void landlock(bool tmp_is_ours) {
  auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  must(version >= 1, "asking for Landlock");
  __u64 writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                  LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                  LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                  LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (version >= 2) writing |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) writing |= kTruncate;
  LandlockRuleset wanted{.fs = writing, .net = kBindTcp | kConnectTcp, .scoped = kScopeAbstractSockets | kScopeSignals};
  std::size_t size = version >= 6   ? sizeof wanted
                     : version >= 4 ? offsetof(LandlockRuleset, scoped)
                                    : offsetof(LandlockRuleset, net);
  Fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, size, 0)));
  must(static_cast<bool>(rules), "making Landlock's rules");
  auto allow = [&](const char* path, __u64 rights) {
    Fd place(::open(path, O_PATH | O_CLOEXEC));
    if (!place) return;  // what isn't there need not be written
    landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = place.get()};
    must(::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0,
         "adding to Landlock's rules");
  };
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full"})
    allow(device, writing & (LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate));
  if (tmp_is_ours) allow("/tmp", writing);
  must(::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0, "entering Landlock");
}

// 0 is /dev/null, 3 what is kept, `pipe` closes as the program starts, and nothing else is open.
void place_descriptors(int keep, Fd& pipe) {
  constexpr int kKept = 3, kPipe = 4;
  Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  must(null && ::dup2(null.get(), STDIN_FILENO) >= 0, "opening /dev/null");
  // Both above all places first, so that none is put over another.
  Fd high_keep(keep < 0 ? -1 : ::fcntl(keep, F_DUPFD_CLOEXEC, kPipe + 1));
  Fd high_pipe(::fcntl(pipe.get(), F_DUPFD_CLOEXEC, kPipe + 1));
  must(high_pipe && (keep < 0 || high_keep), "placing descriptors");
  if (high_keep) must(::dup2(high_keep.get(), kKept) >= 0, "placing descriptors");
  else ::close(kKept);
  must(::dup3(high_pipe.get(), kPipe, O_CLOEXEC) >= 0, "placing descriptors");
  pipe.release();
  pipe = Fd(kPipe);
  high_keep.release();
  high_pipe.release();
  null.release();
  must(::syscall(SYS_close_range, kPipe + 1, ~0U, 0) == 0, "closing descriptors");
}

struct Way {
  const std::vector<std::string>& argv;
  int keep;
  bool ordinary;
  uid_t uid;
  gid_t gid;
  sigset_t mask;
};

[[noreturn]] void become_program(const Way& way, bool tmp_is_ours, Fd pipe) {
  try {
    std::vector<char*> argv;
    argv.reserve(way.argv.size() + 1);
    for (const std::string& word : way.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    place_descriptors(way.keep, pipe);
    drop_capabilities(way.ordinary);
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "giving up new privileges");
    landlock(tmp_is_ours);
    must(install_filter(), "installing the filter of system calls");
    must(::sigprocmask(SIG_SETMASK, &way.mask, nullptr) == 0, "restoring the signals");
    ::execvp(argv[0], argv.data());
    tell(pipe.get(), Word::Kind::NotStarted, errno, "");
  } catch (const Stuck& stuck) {
    tell(pipe.get(), Word::Kind::Refused, stuck.error, stuck.doing);
  }
  ::_exit(127);
}

sigset_t signals_passed_on() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Waits for `pid` and passes signals on to it. How it ended, as wait() says it.
int wait_for(pid_t pid) {
  sigset_t set = signals_passed_on();
  sigaddset(&set, SIGCHLD);
  while (true) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0)
      if (ended == pid) return status;
    siginfo_t info{};
    int signal = ::sigwaitinfo(&set, &info);
    if (signal > 0 && signal != SIGCHLD) ::kill(pid, signal);
  }
}

// The first process of the new namespaces: makes the place, starts the program, and reaps for it.
[[noreturn]] void be_init(const Way& way, Fd pipe) {
  try {
    must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "tying its life to ours");
    // Unless that has ended already: then nobody reads the pipe.
    pollfd reader{.fd = pipe.get(), .events = 0, .revents = 0};
    if (::poll(&reader, 1, 0) > 0) ::_exit(0);
    // Without a controlling terminal nobody can type into it; and a ^C comes once, from the process outside.
    must(::setsid() > 0, "leaving the terminal");
    if (way.ordinary) map_user(way.uid, way.gid);
    bool tmp_is_ours = make_read_only();
    pid_t program = ::fork();
    must(program >= 0, "starting a process");
    if (program == 0) become_program(way, tmp_is_ours, std::move(pipe));
    tell(pipe.get(), Word::Kind::Ended, wait_for(program), "");
  } catch (const Stuck& stuck) {
    tell(pipe.get(), Word::Kind::Refused, stuck.error, stuck.doing);
  } catch (const Error& error) {
    tell(pipe.get(), Word::Kind::Refused, error.code(), error.text());
  }
  ::_exit(0);
}

Failure refused(int error, const std::string& doing) { return {.refused = true, .error = Error::system(error, doing)}; }

pid_t clone_init(bool ordinary) {
  long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | SIGCHLD;
  if (ordinary) flags |= CLONE_NEWUSER;
#if defined(__s390__)
  return static_cast<pid_t>(::syscall(SYS_clone, nullptr, flags, nullptr, nullptr, nullptr));
#else
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
#endif
}

// What the pipe says until its last writer has gone.
std::optional<Word> hear(int pipe) {
  std::optional<Word> heard;
  Word word;
  while (true) {
    ssize_t got = ::read(pipe, &word, sizeof word);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof word) return heard;
    // The first says why; that the process ended with it is no news.
    if (!heard) heard = word;
  }
}

}  // namespace

std::expected<Ending, Failure> run(const std::vector<std::string>& argv, int keep) {
  if (!kFilterIsKnown) return std::unexpected(refused(ENOSYS, "filtering the system calls of this architecture"));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(refused(errno, "making a pipe"));
  Fd hears(ends[0]), tells(ends[1]);
  Way way{.argv = argv, .keep = keep, .ordinary = false, .uid = ::geteuid(), .gid = ::getegid(), .mask = {}};
  sigset_t blocked = signals_passed_on();
  sigaddset(&blocked, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &blocked, &way.mask);
  // Whoever started us may have ignored it: then nobody could be waited for.
  std::signal(SIGCHLD, SIG_DFL);
  std::fflush(nullptr);

  pid_t init = -1;
  for (bool ordinary : {false, true}) {
    way.ordinary = ordinary;
    init = clone_init(ordinary);
    if (init == 0) {
      hears.reset();
      be_init(way, std::move(tells));
    }
    if (init > 0 || errno != EPERM) break;
  }
  int clone_error = errno;
  tells.reset();
  if (init > 0) wait_for(init);
  ::sigprocmask(SIG_SETMASK, &way.mask, nullptr);
  if (init < 0) return std::unexpected(refused(clone_error, "making namespaces"));

  std::optional<Word> word = hear(hears.get());
  if (!word) return Ending{.signal = SIGKILL};
  switch (word->kind) {
    case Word::Kind::Refused: return std::unexpected(refused(word->number, word->doing));
    case Word::Kind::NotStarted:
      return std::unexpected(Failure{.error = Error::system(word->number, fmt::format("starting `{}`", argv[0]))});
    case Word::Kind::Ended: break;
  }
  if (WIFSIGNALED(word->number)) return Ending{.signal = WTERMSIG(word->number)};
  return Ending{.status = WEXITSTATUS(word->number)};
}

bool active() { return ::prctl(kQuestion, 0, 0, 0, 0) == -1 && errno == kAnswer; }

bool hides_owners() {
  static const bool hides = [] {
    if (!active()) return false;
    // "0 0 4294967295" where all are seen.
    std::string map = read_file("/proc/self/uid_map");
    return !map.contains("4294967295");
  }();
  return hides;
}

namespace {

[[noreturn]] void die_by(int signal) {
  // No core file of ours for a signal that wasn't.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  std::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  ::kill(::getpid(), signal);
  ::_exit(128 + signal);
}

}  // namespace

int run_as_program(const std::vector<std::string>& argv) {
  auto ending = run(argv);
  if (!ending) {
    fmt::print(stderr, "{}\n", ending.error().error.text());
    std::fflush(stderr);
    die_by(ending.error().refused ? kRefusedSignal : kNotStartedSignal);
  }
  // The two that mean something else here.
  if (ending->signal == kRefusedSignal || ending->signal == kNotStartedSignal) die_by(SIGKILL);
  if (ending->signal != 0) die_by(ending->signal);
  return ending->status;
}

bool wrap(Command& command) {
  if (active()) return true;
  if (!offered) return false;
  command.argv.insert(command.argv.begin(), {"/proc/self/exe", "--confined"});
  return true;
}

void offer() { offered = true; }

}  // namespace mgmt::confine
