// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/agent_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "src/async/no_signals.h"
#include "src/base/path.h"
#include "src/base/text.h"

namespace mgmt::state {

using namespace std::chrono_literals;

namespace {

/// Jobs of one transaction: a few milliseconds, so that a refresh which comes meanwhile hasn't long to wait.
constexpr std::size_t kGroup = 1024;
/// What isn't a refresh is gathered for so long.
constexpr auto kGather = 100ms;
/// As much as this is a burst, and waits for its end, which is where nothing more came for so long: the processors are
/// for the run that is told of, and idle when that waits for the disk at its end.
constexpr std::size_t kBurst = 256;
constexpr auto kPause = 5ms;
/// Or until the oldest has waited for so long, or so much waits.
constexpr auto kPatience = 1s;
constexpr std::size_t kPatienceBytes = std::size_t{16} << 20;
/// Jobs between two looks at what is too old.
constexpr std::size_t kPruneEvery = 1000;
constexpr const char* kNoThread = "no thread can be started for the agent's file";

}  // namespace

std::string database_path(const std::string& prefix, const std::string& name) {
  return join_path(clean_path(prefix), "db/agent/" + name + ".db");
}

class AgentState::Worker : public std::enable_shared_from_this<Worker> {
 public:
  Worker(Loop& loop, const Options& options, std::string path)
      : loop_(&loop),
        warn_(options.warn),
        limits_(options.limits),
        capacity_(options.buffer),
        database_({.path = std::move(path),
                   .warn = [this](std::string text) { warn(std::move(text)); },
                   .patience = options.patience},
                  given_up_) {}

  struct Add {
    Job job;
    std::move_only_function<void(Result<void>)> done;
  };
  struct Later {
    Job job;
    std::size_t bytes = 0;
    bool makes_file = true;
  };
  struct Read {
    Job job;
    std::move_only_function<void(Result<void>)> done;
    std::uint64_t after = 0;  // what was asked for before it
  };

  void submit(Add add) {
    std::lock_guard lock(mutex_);
    adds_.push_back(std::move(add));
    wake_.notify_one();
  }
  bool submit(Later later) {
    std::lock_guard lock(mutex_);
    if (bytes_ + later.bytes > capacity_) return false;
    bytes_ += later.bytes;
    ++asked_;
    later_.push_back(std::move(later));
    // The others wait with the first, see wait().
    if (later_.size() == 1 || later_.size() == kBurst || bytes_ >= kPatienceBytes) wake_.notify_one();
    return true;
  }
  void submit(Read read) {
    std::lock_guard lock(mutex_);
    read.after = asked_;
    reads_.push_back(std::move(read));
    wake_.notify_one();
  }
  void clear(std::vector<std::uint64_t> ids) {
    std::lock_guard lock(mutex_);
    clears_.insert(clears_.end(), ids.begin(), ids.end());
    wake_.notify_one();
  }
  double fill() const {
    std::lock_guard lock(mutex_);
    return static_cast<double>(bytes_) / static_cast<double>(capacity_);
  }

  /// False if the thread is still at work.
  bool close(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    loop_ = nullptr;
    closing_ = true;
    wake_.notify_one();
    bool ended = finished_.wait_for(lock, limit, [&] { return done_; });
    given_up_ = !ended;
    return ended;
  }
  std::size_t undone() const {
    std::lock_guard lock(mutex_);
    return later_.size() + taken_;
  }
  std::vector<std::string> late() {
    std::lock_guard lock(mutex_);
    return std::exchange(late_, {});
  }
  std::string trouble() const {
    std::lock_guard lock(mutex_);
    return trouble_;
  }

  void run() {
    for (;;) {
      std::deque<Add> adds;
      std::deque<Read> reads;
      bool last = wait();
      {
        std::lock_guard lock(mutex_);
        adds.swap(adds_);
      }
      // First, and apart from the rest: somebody waits.
      if (!adds.empty()) add(adds);
      bool written = due_ == 0 || write_group();
      {
        std::lock_guard lock(mutex_);
        // In their order: those whose time has come stand in front.
        while (!reads_.empty() && (!written || reads_.front().after <= done_jobs_)) {
          reads.push_back(std::move(reads_.front()));
          reads_.pop_front();
        }
      }
      for (Read& one : reads) read(one);
      if (!last) continue;
      std::lock_guard lock(mutex_);
      if (written && (!later_.empty() || !clears_.empty() || !adds_.empty())) continue;
      done_ = true;
      finished_.notify_one();
      return;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Until there is something to do now; true: the end has come.
  bool wait() {
    std::unique_lock lock(mutex_);
    auto urgent = [&] { return closing_ || !adds_.empty() || !reads_.empty(); };
    if (retry_at_) {
      wake_.wait_until(lock, *retry_at_, urgent);
      due_ = std::max<std::size_t>(later_.size(), 1);
    } else if (due_ == 0) {
      auto waiting = [&] { return !later_.empty() || !clears_.empty(); };
      wake_.wait(lock, [&] { return urgent() || waiting(); });
      if (!oldest_ && waiting()) oldest_ = Clock::now();
      auto overdue = [&] { return bytes_ >= kPatienceBytes || (oldest_ && Clock::now() >= *oldest_ + kPatience); };
      wake_.wait_for(lock, kGather, [&] { return urgent() || later_.size() >= kBurst; });
      for (bool paused = later_.size() < kBurst; !paused && !urgent() && !overdue();) {
        std::uint64_t before = asked_;
        wake_.wait_for(lock, kPause, [&] { return urgent() || bytes_ >= kPatienceBytes; });
        paused = asked_ == before;
      }
      // A refresh that comes meanwhile doesn't end the others' waiting.
      if (adds_.empty() || closing_ || !reads_.empty() || overdue()) {
        due_ = std::max<std::size_t>(later_.size(), 1);
        oldest_.reset();
      }
    }
    return closing_;
  }

  void add(std::deque<Add>& adds) {
    Result<void> outcome;
    try {
      database_.write(
          [&](Rows& rows) {
            for (const Add& one : adds) one.job(rows);
          },
          Database::When::Durable);
    } catch (const Error& error) {
      outcome = std::unexpected(error);
    }
    post([adds = std::move(adds), outcome]() mutable {
      for (Add& one : adds) one.done(outcome);
    });
  }

  /// False: it failed, and is to be done later.
  bool write_group() {
    if (retry_at_ && Clock::now() < *retry_at_ && !closing_) return false;
    std::vector<Later> group;
    std::vector<std::uint64_t> clears;
    {
      std::lock_guard lock(mutex_);
      std::size_t count = std::min(kGroup, later_.size());
      group.assign(std::make_move_iterator(later_.begin()),
                   std::make_move_iterator(later_.begin() + static_cast<std::ptrdiff_t>(count)));
      later_.erase(later_.begin(), later_.begin() + static_cast<std::ptrdiff_t>(count));
      clears.swap(clears_);
      taken_ = count;
    }
    due_ -= std::min(due_, std::max<std::size_t>(group.size(), 1));
    if (group.empty() && clears.empty()) return true;
    try {
      bool makes_file = database_.exists() || !clears.empty() || std::ranges::any_of(group, &Later::makes_file);
      if (makes_file) {
        database_.write(
            [&](Rows& rows) {
              for (std::uint64_t id : clears) rows.clear(id);
              for (const Later& one : group) one.job(rows);
              since_prune_ += group.size();
              if (since_prune_ >= kPruneEvery && !rows.prune(limits_, now())) since_prune_ = 0;
            },
            Database::When::Soon);
      }
    } catch (const Error& error) {
      return failed(error, std::move(group), std::move(clears));
    }
    retry_at_.reset();
    retry_wait_ = 1s;
    std::lock_guard lock(mutex_);
    trouble_.clear();
    taken_ = 0;
    done_jobs_ += group.size();
    for (const Later& one : group) bytes_ -= one.bytes;
    return true;
  }

  bool failed(const Error& error, std::vector<Later> group, std::vector<std::uint64_t> clears) {
    bool is_new = false;
    {
      std::lock_guard lock(mutex_);
      later_.insert(later_.begin(), std::make_move_iterator(group.begin()), std::make_move_iterator(group.end()));
      clears_.insert(clears_.end(), clears.begin(), clears.end());
      taken_ = 0;
      is_new = trouble_ != error.text();
      trouble_ = error.text();
    }
    if (is_new) warn("what happens can't be remembered now: " + error.text());
    due_ = 0;
    retry_at_ = Clock::now() + retry_wait_;
    retry_wait_ = std::min<Clock::duration>(retry_wait_ * 2, 30s);
    return false;
  }

  void read(Read& one) {
    Result<void> outcome;
    try {
      database_.read(one.job);
    } catch (const Error& error) {
      outcome = std::unexpected(error);
    }
    post([done = std::move(one.done), outcome]() mutable { done(outcome); });
  }

  void post(std::move_only_function<void()> task) {
    std::lock_guard lock(mutex_);
    if (!loop_) return;
    loop_->post([self = weak_from_this(), task = std::move(task)]() mutable {
      auto worker = self.lock();
      if (worker && !worker->closing_) task();
    });
  }
  void warn(std::string text) {
    {
      std::lock_guard lock(mutex_);
      if (!loop_) return late_.push_back(std::move(text));
    }
    if (warn_) post([this, text = std::move(text)] { warn_(text); });
  }

  mutable std::mutex mutex_;
  std::condition_variable wake_, finished_;
  // Guarded by mutex_.
  Loop* loop_;
  std::deque<Add> adds_;
  std::deque<Later> later_;
  std::deque<Read> reads_;
  std::vector<std::uint64_t> clears_;
  std::size_t bytes_ = 0, taken_ = 0;
  std::uint64_t asked_ = 0, done_jobs_ = 0;
  std::string trouble_;
  std::vector<std::string> late_;  // warnings that came with the end
  bool done_ = false;

  std::atomic<bool> closing_ = false;
  // The end has come, and its time is over: another process that reads isn't waited for any more.
  std::atomic<bool> given_up_ = false;
  std::function<void(std::string)> warn_;
  Limits limits_;
  std::size_t capacity_;

  // The thread's.
  Database database_;
  /// Of the jobs that wait, or clears: to be written now.
  std::size_t due_ = 0;
  /// Since when one waits.
  std::optional<Clock::time_point> oldest_;
  std::optional<Clock::time_point> retry_at_;
  Clock::duration retry_wait_ = 1s;
  std::size_t since_prune_ = kPruneEvery;  // at once: what grew old while nobody ran
};

AgentState::AgentState(Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), path_(database_path(options_.prefix, options_.name)) {}

AgentState::~AgentState() { (void)close(1s); }

std::shared_ptr<AgentState::Worker> AgentState::ensure_worker() {
  if (worker_ || closed_) return worker_;
  auto worker = std::make_shared<Worker>(loop_, options_, path_);
  try {
    NoSignals inherited;
    thread_ = std::thread([worker] { worker->run(); });
    worker_ = std::move(worker);
  } catch (const std::system_error& error) {
    if (!std::exchange(warned_, true) && options_.warn)
      options_.warn(
          fmt::format("what happens can't be remembered now: no thread can be started: {}", error.code().message()));
  }
  return worker_;
}

void AgentState::refuse(std::move_only_function<void(Result<void>)> done, const char* why) {
  loop_.post([done = std::move(done), why]() mutable { done(std::unexpected(Error(why))); });
}

void AgentState::load(std::move_only_function<void(Result<Due>)> call) {
  auto found = std::make_shared<Due>();
  read([found](Rows& rows) { *found = rows.due(); },
       [found, call = std::move(call)](Result<void> outcome) mutable {
         if (outcome) call(std::move(*found));
         else call(std::unexpected(outcome.error()));
       });
}

void AgentState::add(std::vector<RefreshRow> rows, std::move_only_function<void(Result<void>)> done) {
  durably(
      [rows = std::move(rows)](Rows& into) {
        for (const RefreshRow& row : rows) into.add(row);
      },
      std::move(done));
}

void AgentState::durably(Job job, std::move_only_function<void(Result<void>)> done) {
  if (options_.read_only || closed_)
    return refuse(std::move(done), "nothing is remembered in a dry run, or after its end");
  if (auto worker = ensure_worker()) worker->submit(Worker::Add{std::move(job), std::move(done)});
  else refuse(std::move(done), kNoThread);
}

void AgentState::clear(std::vector<std::uint64_t> ids) {
  if (options_.read_only || closed_ || ids.empty()) return;
  if (auto worker = ensure_worker()) worker->clear(std::move(ids));
}

bool AgentState::later(Job job, std::size_t bytes) {
  if (options_.read_only || closed_) return true;
  auto worker = ensure_worker();
  return worker && worker->submit(Worker::Later{std::move(job), bytes, true});
}

void AgentState::if_there(Job job) {
  if (options_.read_only || closed_) return;
  if (!worker_ && sqlite::inode_of(path_) == 0) return;
  if (auto worker = ensure_worker()) worker->submit(Worker::Later{std::move(job), 0, false});
}

void AgentState::read(Job job, std::move_only_function<void(Result<void>)> done) {
  if (closed_) return;
  if (!worker_ && sqlite::inode_of(path_) == 0) {
    loop_.post([done = std::move(done)]() mutable { done({}); });
    return;
  }
  if (options_.read_only) {
    // Once, at the start of a dry run: the loop may wait for it.
    Result<void> outcome;
    try {
      read_database(path_, job);
    } catch (const Error& error) {
      outcome = std::unexpected(error);
    }
    loop_.post([done = std::move(done), outcome]() mutable { done(outcome); });
    return;
  }
  if (auto worker = ensure_worker()) worker->submit(Worker::Read{std::move(job), std::move(done)});
  else refuse(std::move(done), kNoThread);
}

double AgentState::fill() const { return worker_ ? worker_->fill() : 0; }

Result<void> AgentState::close(std::chrono::milliseconds limit) {
  if (std::exchange(closed_, true) || !worker_) return {};
  bool ended = worker_->close(limit);
  if (ended) thread_.join();
  else thread_.detach();
  for (std::string& text : worker_->late())
    if (options_.warn) options_.warn(std::move(text));
  if (std::size_t left = worker_->undone(); left > 0) {
    std::string why = worker_->trouble();
    return std::unexpected(Error(fmt::format("{} of the history could not be written{}{}", counted(left, "entry"),
                                             why.empty() ? "" : ": ", why)));
  }
  return {};
}

}  // namespace mgmt::state
