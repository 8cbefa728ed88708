// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "src/async/launch.h"
#include "src/async/no_signals.h"
#include "src/async/run_child.h"
#include "src/async/slice.h"

namespace mgmt {
namespace {

using namespace std::chrono_literals;

// So many descriptors are left to the rest of the agent, however many children there are.
constexpr rlim_t kReservedDescriptors = 64;
// Others can free what the kernel was short of, and nothing tells.
constexpr Duration kRetryInterval = 250ms;
// With no child of ours left, what is short is not freed by us: so many times more is tried.
constexpr int kLoneTries = 12;
constexpr Duration kKillTime = 100ms;

// 0 while the limit is as the agent was started with.
std::atomic<rlim_t> original_descriptor_limit = 0;

bool is_shortage(int error) { return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM; }

struct Pipe {
  Fd read, write;
};

/// 0 or errno.
int open_pipe(Pipe& pipe, rlim_t highest) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return errno;
  pipe.read = Fd(fds[0]);
  pipe.write = Fd(fds[1]);
  if (static_cast<rlim_t>(std::max(pipe.read.get(), pipe.write.get())) >= highest) return EMFILE;
  return ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

Ending wait_for(int pidfd, int options) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | options) != 0) {
    if (errno != EINTR) throw Error::system(errno, "asking how a child ended");
  }
  if (info.si_code == CLD_EXITED) return {.status = info.si_status};
  return {.signal = info.si_status};
}

// For what has got SIGKILL. It ends in a moment, unless it hangs in the kernel: that must not hold up the agent's end.
void reap_soon(int pidfd, TimePoint deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd end{.fd = pidfd, .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, std::max(0, static_cast<int>(left.count()))) == 1) wait_for(pidfd, 0);
}

Error shortage_error(int error) {
  Error said = Error::system(error, "the kernel refuses one more child process");
  if (error == EMFILE) return std::move(said).hint("the agent has too few descriptors, see `ulimit -n`");
  if (error == EAGAIN) return std::move(said).hint("its user has too many processes, see `ulimit -u`");
  return said;
}

Error stopping_error() { return Error("not started: the agent is stopping"); }

void signal_process_group(pid_t leader, int signal) {
  // ESRCH is no failure: the group has ended. EPERM neither: all that is left of it became somebody else.
  ::kill(-leader, signal);
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  rlim_t original = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) original_descriptor_limit = original;
}

std::size_t original_descriptors() { return original_descriptor_limit; }

// Shared with the Children, and with the thread, which touches only what stands under `mutex`.
struct SpawnerState : std::enable_shared_from_this<SpawnerState> {
  struct Request {
    Command command;
    std::weak_ptr<void> owner;
    Spawner::Started started;
    Result<Child> result = Child();
  };

  explicit SpawnerState(Loop& on) : loop(on), retry(on) {}

  Loop& loop;
  std::function<void(std::string)> warn;
  bool warned = false;
  int lone_tries = 0;
  bool stopping = false;
  bool closed = false;
  Loop::Timer retry;
  /// Leaders of groups that have not been reaped: their numbers can't be given to others.
  struct Live {
    Command::OnStop on_stop = Command::OnStop::Kill;
    std::string label = {};
    std::function<void()> on_left = {};
  };
  std::map<pid_t, Live> live;
  struct Dying {
    Fd pidfd;
    Loop::FdWatch watch;
  };
  std::map<pid_t, Dying> dying;
  /// Leaders that ended in a stop; they stay zombies until kill_all() so that their group's number stays theirs.
  std::vector<std::pair<pid_t, Fd>> ended;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Request> queue;
  std::deque<Request> results;
  bool closing = false;
  /// Nothing is started any more.
  bool refusing = false;
  /// The kernel refused; `queue` waits for freed() or the retry.
  bool short_of_something = false;
  /// The next that is refused fails.
  bool hopeless = false;
  std::uint64_t times_freed = 0;
  std::thread thread;

  Launcher launcher;  // the thread's own

  void work();
  /// 0, or the errno of a shortage: then the request is as it was.
  int start(Request& request);
  void deliver();
  void on_shortage(int error);
  void freed();
  void reap_later(Child& child);
  void refuse();
  void kill_groups(Spawner::Spare spare);
  void close();
};

void SpawnerState::work() {
  UsualSlices usual;
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [&] { return closing || (!queue.empty() && !short_of_something); });
    if (closing) return;
    Request request = std::move(queue.front());
    queue.pop_front();
    std::uint64_t freed_before = times_freed;
    bool refused = refusing;
    lock.unlock();
    int shortage = 0;
    if (refused) request.result = std::unexpected(stopping_error());
    else if (!request.owner.expired()) shortage = start(request);
    lock.lock();
    if (bool last = std::exchange(hopeless, false); last && shortage != 0) {
      request.result = std::unexpected(shortage_error(shortage));
      shortage = 0;
    }
    if (shortage != 0) {
      queue.push_front(std::move(request));
      if (times_freed != freed_before || refusing) continue;
      short_of_something = true;
      loop.post([self = weak_from_this(), shortage] {
        if (auto state = self.lock(); state && !state->closed) state->on_shortage(shortage);
      });
      continue;
    }
    // Only the first of a burst wakes the loop.
    bool first = results.empty();
    results.push_back(std::move(request));
    if (first) {
      loop.post([self = weak_from_this()] {
        if (auto state = self.lock(); state && !state->closed) state->deliver();
      });
    }
  }
}

int SpawnerState::start(Request& request) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno;
  rlim_t highest = limit.rlim_cur - std::min(kReservedDescriptors, limit.rlim_cur / 4);
  Pipe out, err;
  int error = open_pipe(out, highest);
  if (error == 0) error = open_pipe(err, highest);
  if (error == 0) {
    auto launched = launcher.launch(request.command, out.write.get(), err.write.get(), original_descriptor_limit);
    if (launched) {
      Child child;
      child.pid_ = launched->pid;
      child.pidfd_ = std::move(launched->pidfd);
      child.out_ = std::move(out.read);
      child.err_ = std::move(err.read);
      request.result = std::move(child);
      return 0;
    }
    error = launched.error().code();
    if (!is_shortage(error)) request.result = std::unexpected(launched.error());
  }
  if (is_shortage(error)) return error;
  if (request.result) request.result = std::unexpected(Error::system(error, "opening a pipe for a child"));
  return 0;
}

void SpawnerState::deliver() {
  std::deque<Request> ready;
  {
    std::lock_guard lock(mutex);
    ready.swap(results);
  }
  for (Request& request : ready) {
    if (request.result && *request.result) {
      lone_tries = 0;
      Child& child = *request.result;
      child.spawner_ = shared_from_this();
      auto on_stop = request.command.on_stop;
      live.insert_or_assign(child.pid_, Live{.on_stop = on_stop, .label = std::move(request.command.label)});
      // It runs already, and what it has begun is its own to end.
      if (stopping && on_stop == Command::OnStop::Kill) signal_process_group(child.pid_, SIGTERM);
      if (stopping && on_stop == Command::OnStop::Leave) request.result = std::unexpected(stopping_error());
    }
    // Locked for the call: whoever waits may be destroyed by it, not in it.
    if (auto owner = request.owner.lock()) request.started(std::move(request.result));
    if (closed) return;
  }
}

void SpawnerState::on_shortage(int error) {
  if (!warned && warn) {
    warned = true;
    warn(shortage_error(error).text() + "; commands wait until another one has ended");
  }
  if (live.empty() && dying.empty() && ++lone_tries > kLoneTries) {
    {
      std::lock_guard lock(mutex);
      hopeless = true;
    }
    return freed();
  }
  retry.after(kRetryInterval, [this] { freed(); });
}

void SpawnerState::freed() {
  {
    std::lock_guard lock(mutex);
    ++times_freed;
    if (!short_of_something) return;
    short_of_something = false;
  }
  wake.notify_one();
}

// The group has got its SIGKILL; who waits for the leader is now the Spawner.
void SpawnerState::reap_later(Child& child) {
  pid_t pid = child.pid_;
  live.erase(pid);
  if (closed) {
    reap_soon(child.pidfd_.get(), Clock::now() + kKillTime);
    return;
  }
  Dying& entry = dying[pid];
  entry.pidfd = std::move(child.pidfd_);
  entry.watch = Loop::FdWatch(loop, entry.pidfd.get(), [this, pid] {
    auto found = dying.find(pid);
    wait_for(found->second.pidfd.get(), 0);
    dying.erase(found);
    freed();
  });
}

void SpawnerState::refuse() {
  stopping = true;
  {
    std::lock_guard lock(mutex);
    refusing = true;
    short_of_something = false;
  }
  wake.notify_one();
}

void SpawnerState::kill_groups(Spawner::Spare spare) {
  for (const auto& [pid, one] : live) {
    bool spared = one.on_stop == Command::OnStop::Leave ||
                  (one.on_stop == Command::OnStop::Wait && spare == Spawner::Spare::Waited);
    if (!spared) signal_process_group(pid, SIGKILL);
  }
  for (auto& [pid, pidfd] : ended) {
    signal_process_group(pid, SIGKILL);
    wait_for(pidfd.get(), 0);
  }
  ended.clear();
}

void SpawnerState::close() {
  {
    std::lock_guard lock(mutex);
    closing = true;
  }
  wake.notify_one();
  thread.join();
  for (Request& request : results) {
    if (!request.result || !*request.result) continue;
    Child& child = *request.result;
    child.spawner_ = shared_from_this();
    live.insert_or_assign(child.pid_, Live{.on_stop = request.command.on_stop});
  }
  stopping = true;
  queue.clear();
  results.clear();
  closed = true;
  retry.cancel();
  kill_groups(Spawner::Spare::None);
  TimePoint deadline = Clock::now() + kKillTime;
  for (auto& [pid, entry] : dying) reap_soon(entry.pidfd.get(), deadline);
  dying.clear();
}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    abandon();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    out_ = std::move(other.out_);
    err_ = std::move(other.err_);
    spawner_ = std::move(other.spawner_);
  }
  return *this;
}

void Child::signal_group(int signal) {
  if (pidfd_) signal_process_group(pid_, signal);
}

Ending Child::reap() {
  bool keep_number = spawner_->stopping && !spawner_->closed;
  Ending ending = wait_for(pidfd_.get(), keep_number ? WNOWAIT : 0);
  spawner_->live.erase(pid_);
  if (keep_number) spawner_->ended.emplace_back(pid_, std::move(pidfd_));
  pidfd_.reset();
  spawner_->freed();
  return ending;
}

void Child::on_left(std::function<void()> call) {
  if (auto found = spawner_->live.find(pid_); found != spawner_->live.end()) found->second.on_left = std::move(call);
}

void Child::abandon() {
  out_.reset();
  err_.reset();
  auto found = spawner_ ? spawner_->live.find(pid_) : decltype(spawner_->live)::iterator();
  bool left = pidfd_ && spawner_ && spawner_->stopping && found != spawner_->live.end() &&
              found->second.on_stop == Command::OnStop::Leave;
  if (left) {
    spawner_->live.erase(found);
  } else if (pidfd_) {
    signal_process_group(pid_, SIGKILL);
    if (spawner_) spawner_->reap_later(*this);
  }
  pidfd_.reset();
  if (auto spawner = std::move(spawner_)) spawner->freed();
}

Spawner::Spawner(Loop& loop) : state_(std::make_shared<SpawnerState>(loop)) {
  // Inherited as ignored, it would make the kernel reap our children, and their endings be lost.
  struct sigaction child_signal{};
  if (::sigaction(SIGCHLD, nullptr, &child_signal) == 0 && child_signal.sa_handler == SIG_IGN)
    std::signal(SIGCHLD, SIG_DFL);
  // No signal of the agent's is ever handled on this thread, nor in a child before it is somebody else's program.
  NoSignals inherited;
  state_->thread = std::thread([state = state_.get()] { state->work(); });
}

Spawner::~Spawner() { state_->close(); }

void Spawner::spawn(Command command, std::weak_ptr<void> owner, Started started) {
  SpawnerState& s = *state_;
  bool first;
  {
    std::lock_guard lock(s.mutex);
    first = s.queue.empty();
    s.queue.push_back({std::move(command), std::move(owner), std::move(started)});
  }
  if (first) s.wake.notify_one();
}

void Spawner::set_warn(std::function<void(std::string)> warn) { state_->warn = std::move(warn); }

std::size_t Spawner::running() const { return state_->live.size() + state_->dying.size(); }

void Spawner::terminate_all() {
  state_->refuse();
  std::vector<std::function<void()>> leave;
  for (auto& [pid, one] : state_->live) {
    if (one.on_stop == Command::OnStop::Kill) signal_process_group(pid, SIGTERM);
    else if (one.on_stop == Command::OnStop::Leave && one.on_left) leave.push_back(one.on_left);
  }
  for (auto& left : leave) left();
}

bool Spawner::stopping() const { return state_->stopping; }

std::vector<std::string> Spawner::waited_for() const {
  std::vector<std::string> labels;
  for (const auto& [pid, one] : state_->live)
    if (one.on_stop == Command::OnStop::Wait) labels.push_back(one.label);
  return labels;
}

void Spawner::kill_all(Spare spare) {
  state_->refuse();
  state_->kill_groups(spare);
}

}  // namespace mgmt
