// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "src/world/local/name_lock.h"
#include "src/world/local/prefix.h"

namespace mgmt::world::local {
namespace {

/// The most that is done in one transaction, so that other processes get their turn.
constexpr std::size_t kGroupCommits = 256;
constexpr std::size_t kGroupBytes = std::size_t{8} << 20;

/// After kill -9 the kernel tells of the close before it drops the lock: look again, a few times.
constexpr std::array kLookAgain = {1, 4, 20, 100};  // ms

std::size_t bytes_of(const Commit& commit) {
  std::size_t bytes = 0;
  for (const Put& put : commit.puts) bytes += put.key.size() + put.value.size();
  return bytes;
}

class HeldName : public Presence {
 public:
  explicit HeldName(NameLock lock) : lock_(std::move(lock)) {}

 private:
  NameLock lock_;
};

}  // namespace

LocalWorld::Worker::Worker(Loop& loop, const Options& options, std::shared_ptr<Calls> calls)
    : loop_(loop),
      calls_(std::move(calls)),
      prefix_(options.prefix),
      warn_(options.warn),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      store_({.folder = options.prefix + "/db",
              .warn = [this](std::string text) { warn(std::move(text)); },
              .patience = options.patience,
              .keep_deleted = options.keep_deleted,
              .page_bytes = options.page_bytes},
             closing_) {
  if (!wake_) throw Error::system(errno, "making an eventfd");
  thread_ = std::thread([this] { work(); });
}

LocalWorld::Worker::~Worker() {
  closing_ = true;
  std::uint64_t one = 1;
  [[maybe_unused]] ssize_t put = ::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void LocalWorld::Worker::submit(Job job) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = jobs_.empty();
    jobs_.push_back(std::move(job));
  }
  if (!first) return;
  std::uint64_t one = 1;
  // An eventfd takes any number of ones: this can't fail.
  [[maybe_unused]] ssize_t put = ::write(wake_.get(), &one, sizeof one);
}

void LocalWorld::Worker::post(std::move_only_function<void(Calls&)> task) {
  loop_.post([calls = calls_, task = std::move(task)]() mutable {
    if (calls->alive) task(*calls);
  });
}

void LocalWorld::Worker::post_event(std::uint64_t id, WatchEvent event) {
  post([id, event = std::move(event)](Calls& calls) {
    auto found = calls.watches.find(id);
    if (found == calls.watches.end()) return;
    auto call = found->second;
    (*call)(event);
  });
}

void LocalWorld::Worker::warn(std::string text) {
  if (warn_) post([call = warn_, text = std::move(text)](Calls&) { call(text); });
}

void LocalWorld::Worker::work() {
  while (!closing_) {
    std::array<pollfd, 2> fds{pollfd{wake_.get(), POLLIN, 0}, pollfd{signals_ ? signals_->fd() : -1, POLLIN, 0}};
    int ready = ::poll(fds.data(), fds.size(), wait_ms());
    if (closing_) return;
    std::uint64_t count;
    [[maybe_unused]] ssize_t got = ::read(wake_.get(), &count, sizeof count);

    if (ready == 0) {
      // Without events, and where a lock was still there, the clock says when to look.
      look_ = {true, true};
      if (looks_again_ < kLookAgain.size()) ++looks_again_;
    } else if (signals_ && fds[1].revents != 0) {
      take_signals();
    }
    run_jobs();
    if (closing_) return;
    Signals::Seen look = std::exchange(look_, {});
    if (look.changed) tell_watches();
    if (look.presence) tell_presence();
  }
}

void LocalWorld::Worker::take_signals() {
  try {
    Signals::Seen seen = signals_->take();
    look_.changed |= seen.changed;
    look_.presence |= seen.presence;
    if (seen.presence) looks_again_ = 0;
  } catch (const Error& error) {
    warn(error.text());
    look_ = {true, true};
  }
}

int LocalWorld::Worker::wait_ms() const {
  if (present_.empty() && watched_.empty()) return -1;
  if (signals_ && signals_->fd() < 0) return static_cast<int>(kPollInterval.count());
  if (!present_.empty() && looks_again_ < kLookAgain.size()) return kLookAgain[looks_again_];
  return -1;
}

void LocalWorld::Worker::run_jobs() {
  std::deque<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  std::vector<Write> group;
  std::size_t bytes = 0;
  auto finish_group = [&] {
    if (!group.empty()) run(group);
    group.clear();
    bytes = 0;
  };
  for (Job& job : jobs) {
    if (closing_) return;
    if (auto* write = std::get_if<Write>(&job)) {
      bytes += bytes_of(write->commit);
      group.push_back(std::move(*write));
      if (group.size() >= kGroupCommits || bytes >= kGroupBytes) finish_group();
      continue;
    }
    finish_group();
    std::visit(
        [this](auto& other) {
          if constexpr (!std::is_same_v<std::remove_reference_t<decltype(other)>, Write>) run(other);
        },
        job);
  }
  finish_group();
}

void LocalWorld::Worker::ensure_signals() {
  if (!signals_) signals_.emplace(prefix_);
  if (signals_->fd() >= 0 || warned_polling_) return;
  warned_polling_ = true;
  warn("changes that other agents make are looked for once a second: " + signals_->missing());
}

void LocalWorld::Worker::touch() {
  try {
    signals_->touch();
  } catch (const Error& error) {
    if (!std::exchange(warned_touch_, true))
      warn("other agents can't be told of what this one shares: " + error.text());
  }
}

void LocalWorld::Worker::run(Read& job) {
  // The pages share the call, which is used on the loop's thread alone.
  auto call = std::make_shared<ReadCall>(std::move(job.call));
  auto answer = [&](Result<Page> page) {
    post([call, page = std::move(page)](Calls&) mutable { (*call)(std::move(page)); });
  };
  try {
    ensure_signals();
    store_.read(job.prefix, [&](Page page) { answer(std::move(page)); });
  } catch (const Error& error) {
    answer(std::unexpected(error));
  }
}

void LocalWorld::Worker::run(std::vector<Write>& group) {
  std::vector<Commit> commits;
  for (Write& write : group) commits.push_back(std::move(write.commit));
  std::vector<CommitOutcome> outcomes;
  try {
    ensure_signals();
    outcomes = store_.commit(commits, fault.exchange(Fault::None));
    // Unknown is told too: it may have happened.
    if (std::ranges::any_of(outcomes,
                            [](const CommitOutcome& outcome) { return !std::holds_alternative<Conflict>(outcome); }))
      touch();
    look_.changed = true;
  } catch (const Error& error) {
    outcomes.assign(commits.size(), Unavailable{error});
  }
  std::vector<std::pair<CommitCall, CommitOutcome>> answers;
  for (std::size_t i = 0; i < group.size(); ++i) answers.emplace_back(std::move(group[i].call), std::move(outcomes[i]));
  post([answers = std::move(answers)](Calls& calls) mutable {
    for (auto& [call, outcome] : answers) {
      if (call) call(std::move(outcome));
      if (!calls.alive) return;
    }
  });
}

void LocalWorld::Worker::run(AddWatch& job) {
  watched_.emplace(job.id, Watched{std::move(job.prefix), job.after});
  look_.changed = true;
}

void LocalWorld::Worker::run(AddPresence& job) {
  present_.emplace(job.id, std::nullopt);
  look_.presence = true;
}

void LocalWorld::Worker::run(Remove& job) {
  watched_.erase(job.id);
  present_.erase(job.id);
}

void LocalWorld::Worker::run(Take& job) {
  auto claimed = NameLock::claim(prefix_, job.name);
  Result<Claim> answer = std::unexpected(Error(""));
  if (!claimed) answer = std::unexpected(claimed.error());
  else if (auto* lock = std::get_if<NameLock>(&*claimed)) answer = Claim(std::make_unique<HeldName>(std::move(*lock)));
  else answer = Claim(std::get<Holder>(std::move(*claimed)));
  post([call = std::move(job.call), answer = std::move(answer)](Calls&) mutable { call(std::move(answer)); });
}

void LocalWorld::Worker::run(Compact& job) {
  try {
    ensure_signals();
    store_.compact();
  } catch (const Error& error) {
    warn(error.text());
  }
  post([call = std::move(job.call)](Calls&) mutable { call(); });
}

void LocalWorld::Worker::tell_watches() {
  for (auto at = watched_.begin(); at != watched_.end();) {
    auto& [id, watched] = *at;
    bool over = true;
    try {
      ensure_signals();
      std::variant<Changes, Compacted> found = store_.changes(watched.prefix, watched.after);
      if (auto* changes = std::get_if<Changes>(&found)) {
        over = false;
        watched.after = changes->revision;
        if (!changes->changes.empty()) post_event(id, std::move(*changes));
      } else {
        post_event(id, Compacted{});
      }
    } catch (const Error& error) {
      post_event(id, error);
    }
    at = over ? watched_.erase(at) : std::next(at);
  }
}

void LocalWorld::Worker::tell_presence() {
  if (present_.empty()) return;
  try {
    ensure_signals();
    std::vector<std::string> names = taken_names(prefix_);
    for (auto& [id, told] : present_) {
      if (told == names) continue;
      told = names;
      post([watch = id, names](Calls& calls) {
        auto found = calls.presences.find(watch);
        if (found == calls.presences.end()) return;
        auto call = found->second;
        (*call)(names);
      });
    }
  } catch (const Error& error) {
    warn(error.text());
  }
}

}  // namespace mgmt::world::local
