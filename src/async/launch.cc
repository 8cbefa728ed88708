// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#if __has_feature(thread_sanitizer)
// Its wrapper of clone() is for children with memory of their own; this is glibc's other name of the same function.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);  // NOLINT(bugprone-reserved-identifier)
#define MGMT_CLONE __clone
#else
#define MGMT_CLONE ::clone
#endif

namespace mgmt {
namespace {

constexpr std::size_t kStackSize = std::size_t{64} << 10;
constexpr std::size_t kGuardSize = std::size_t{4} << 10;

enum class Step { None, Session, Signals, Descriptors, Limit, Identity, Cwd, Death, Exec };

// All that the child reads, made before it starts, and what it leaves if it fails.
struct Launch {
  const char* const* argv;
  const char* const* envp;
  const char* const* candidates;
  const char* cwd;  // null: as it is
  const Command::Identity* identity;
  int in, out, err;
  rlimit limit;  // rlim_max 0: as it is
  pid_t parent;
  bool outlives_us;
  volatile Step failed = Step::None;
  volatile int error = 0;
};

// The child shares our memory until execve, so it may do nothing but system calls: no malloc, no lock, no C library
// function that keeps state (glibc's setuid() signals "all threads", which are the parent's), no sanitizer.
#define MGMT_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

template <class... Args>
MGMT_IN_CHILD long call(long number, Args... args) {
  return ::syscall(number, args...);
}

// What the agent handles would be called in the child, and what it ignores would stay ignored in the program.
MGMT_IN_CHILD bool default_signals() {
  struct {
    unsigned long handler, flags, restorer, mask;
  } action{};
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    action.handler = 0;
    if (call(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask) != 0) return false;
    if (action.handler == 0) continue;
    action = {};
    if (call(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask) != 0) return false;
  }
  return true;
}

MGMT_IN_CHILD bool place_descriptors(const Launch& launch) {
  int highest = launch.in > launch.out ? launch.in : launch.out;
  if (launch.err > highest) highest = launch.err;
  return call(SYS_close_range, highest + 1, ~0U, CLOSE_RANGE_UNSHARE) == 0 &&
         call(SYS_dup3, launch.in, STDIN_FILENO, 0) >= 0 && call(SYS_dup3, launch.out, STDOUT_FILENO, 0) >= 0 &&
         call(SYS_dup3, launch.err, STDERR_FILENO, 0) >= 0 &&
         call(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

MGMT_IN_CHILD bool become(const Command::Identity& identity) {
  // What an agent that isn't root was given to become others would stay in force. An old kernel knows no such thing.
  call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return call(SYS_setgroups, identity.groups.size(), identity.groups.data()) == 0 &&
         call(SYS_setresgid, identity.gid, identity.gid, identity.gid) == 0 &&
         call(SYS_setresuid, identity.uid, identity.uid, identity.uid) == 0;
}

// The parent's end after this kills; the check is for one that ended before. A change of user would clear it.
MGMT_IN_CHILD bool die_with(pid_t parent) {
  return call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && call(SYS_getppid) == parent;
}

// As execvp does: a candidate that can't be run is passed over, and named only if there is no other.
MGMT_IN_CHILD void execute(const Launch& launch) {
  unsigned long none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
  int denied = 0;
  for (const char* const* path = launch.candidates; *path != nullptr; ++path) {
    call(SYS_execve, *path, launch.argv, launch.envp);
    if (errno == EACCES) denied = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR) return;
  }
  if (denied != 0) errno = denied;
}

MGMT_IN_CHILD Step fail_or_execute(const Launch& launch) {
  if (!place_descriptors(launch)) return Step::Descriptors;
  // A session of its own, so that it has no terminal: what runs as another user could type into ours.
  if (call(SYS_setsid) < 0) return Step::Session;
  if (!default_signals()) return Step::Signals;
  if (launch.limit.rlim_max != 0 && call(SYS_prlimit64, 0, RLIMIT_NOFILE, &launch.limit, nullptr) != 0)
    return Step::Limit;
  call(SYS_umask, 022);
  if (launch.identity != nullptr && !become(*launch.identity)) return Step::Identity;
  if (launch.cwd != nullptr && call(SYS_chdir, launch.cwd) != 0) return Step::Cwd;
  if (!launch.outlives_us && !die_with(launch.parent)) return Step::Death;
  execute(launch);
  return Step::Exec;
}

MGMT_IN_CHILD int child_main(void* data) {
  auto& launch = *static_cast<Launch*>(data);
  Step step = fail_or_execute(launch);
  launch.error = errno;
  launch.failed = step;
  call(SYS_exit_group, 127);
  return 127;
}

std::string_view path_of(const Command& command) {
  for (const auto& [name, value] : command.env)
    if (name == "PATH") return value;
  return "/usr/local/bin:/usr/bin:/bin";
}

std::vector<std::string> candidates_for(const Command& command) {
  const std::string& program = command.argv.front();
  if (program.contains('/')) return {program};
  std::vector<std::string> candidates;
  std::string_view rest = path_of(command);
  while (!rest.empty()) {
    std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    // POSIX reads an empty one as the working directory; nobody means that.
    if (!folder.empty()) candidates.push_back(fmt::format("{}/{}", folder, program));
  }
  return candidates;
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(text.c_str());
  result.push_back(nullptr);
  return result;
}

Error exec_error(const Command& command, int error) {
  const std::string& program = command.argv.front();
  bool by_path = program.contains('/');
  std::string doing = fmt::format("starting `{}`", program);
  Error failure = Error::system(error, doing);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      if (!by_path) {
        return Error(fmt::format("{}: command not found in PATH={}", doing, path_of(command)))
            .hint("give its full path, or a PATH in `env`");
      }
      if (::access(program.c_str(), F_OK) == 0)
        return std::move(failure).hint("the file is there: what its first line (#!) names, or its loader, is not");
      break;
    case EACCES:
      return std::move(failure).hint(
          "the file or a folder of its path may not be executed by this user, or is on a noexec mount");
    case ENOEXEC:
      return std::move(failure).hint("a script needs a first line that names its interpreter, such as #!/bin/sh");
    case E2BIG: return std::move(failure).hint("`args` and `env` are too large for the kernel");
    default: break;
  }
  return failure;
}

Error describe(const Command& command, Step step, int error) {
  switch (step) {
    case Step::Exec: return exec_error(command, error);
    case Step::Cwd: return Error::system(error, "cwd " + command.cwd);
    case Step::Identity:
      return Error::system(error,
                           fmt::format("becoming user {} and group {}", command.identity->uid, command.identity->gid))
          .hint("only root may run commands as another user");
    case Step::Session: return Error::system(error, "making a session for a child");
    case Step::Signals: return Error::system(error, "resetting a child's signals");
    case Step::Descriptors: return Error::system(error, "setting a child's descriptors");
    case Step::Limit: return Error::system(error, "setting a child's limit of descriptors");
    case Step::Death: return Error::system(error, "tying a child's life to ours");
    case Step::None: break;
  }
  return Error::system(error, "starting a child");
}

void reap_failed(int pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

}  // namespace

Launcher::Launcher() {
  void* memory =
      ::mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) throw Error::system(errno, "memory for starting children");
  if (::mprotect(memory, kGuardSize, PROT_NONE) != 0) throw Error::system(errno, "guarding the stack of children");
  stack_ = memory;
  null_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null_) throw Error::system(errno, "opening /dev/null");
  // Above 2, even if the agent was started without those: they are where the child's own go.
  for (Fd* place : {&null_, &out_place_, &err_place_}) {
    *place = Fd(::fcntl(null_.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!*place) throw Error::system(errno, "reserving descriptors for starting children");
  }
}

Launcher::~Launcher() { ::munmap(stack_, kGuardSize + kStackSize); }

Result<Launched> Launcher::launch(const Command& command, int out, int err, rlim_t descriptor_limit) {
  std::vector<std::string> candidates = candidates_for(command);
  std::vector<std::string> env;
  env.reserve(command.env.size());
  for (const auto& [name, value] : command.env) env.push_back(fmt::format("{}={}", name, value));
  auto argv_pointers = pointers(command.argv);
  auto env_pointers = pointers(env);
  auto candidate_pointers = pointers(candidates);
  Launch launch{.argv = argv_pointers.data(),
                .envp = env_pointers.data(),
                .candidates = candidate_pointers.data(),
                .cwd = command.cwd.empty() ? nullptr : command.cwd.c_str(),
                .identity = command.identity ? &*command.identity : nullptr,
                .in = null_.get(),
                .out = out_place_.get(),
                .err = err_place_.get(),
                .limit = {},
                .parent = ::getpid(),
                .outlives_us = command.on_stop == Command::OnStop::Leave};
  if (descriptor_limit != 0) {
    if (::getrlimit(RLIMIT_NOFILE, &launch.limit) != 0)
      return std::unexpected(Error::system(errno, "reading our limit of descriptors"));
    launch.limit.rlim_cur = std::min(descriptor_limit, launch.limit.rlim_max);
  }
  // Becoming another user marks the memory as not dumpable; it is ours too until execve, and stays marked.
  int dumpable = launch.identity != nullptr ? ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) : -1;

  if (::dup3(out, out_place_.get(), O_CLOEXEC) < 0 || ::dup3(err, err_place_.get(), O_CLOEXEC) < 0)
    return std::unexpected(Error::system(errno, "placing a child's descriptors"));
  int pidfd = -1;
  char* top = static_cast<char*>(stack_) + kGuardSize + kStackSize;
  pid_t pid =
      MGMT_CLONE(child_main, top, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
  int clone_error = errno;
  // The child's end alone keeps its pipes open.
  ::dup3(null_.get(), out_place_.get(), O_CLOEXEC);
  ::dup3(null_.get(), err_place_.get(), O_CLOEXEC);
  if (dumpable == 1) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (pid < 0) return std::unexpected(Error::system(clone_error, "starting a child"));
  Launched launched{.pid = pid, .pidfd = Fd(pidfd)};
  if (launch.failed == Step::None) return launched;
  reap_failed(pidfd);
  return std::unexpected(describe(command, launch.failed, launch.error));
}

}  // namespace mgmt
