// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/pool.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "src/async/slice.h"
#include "src/base/error.h"

namespace mgmt {
namespace {

// A thread has some milliseconds of work with so many.
constexpr std::size_t kBurst = 64;
constexpr auto kBurstLook = std::chrono::milliseconds(1);

// Whose thread this is.
thread_local Pool* own_pool = nullptr;
thread_local int own_number = 0;

}  // namespace

int Pool::worker() { return own_number; }

Pool::Pool(Loop& loop, unsigned threads) : loop_(loop), limit_(threads == 0 ? 1 : threads), burst_timer_(loop) {}

Pool::~Pool() {
  *alive_ = false;
  std::deque<Job> dropped;
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    dropped.swap(jobs_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::submit(Job job) {
  bool start = false, many = false;
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    many = jobs_.size() > kBurst;
    start = idle_ < jobs_.size() && live_ < limit_;
    live_ += start ? 1 : 0;
  }
  if (start) start_thread();
  else wake_.notify_one();
  if (many && !burst_timer_.pending()) begin_burst();
}

bool Pool::is_full() {
  std::lock_guard lock(mutex_);
  return jobs_.size() > kBurst;
}

void Pool::begin_burst() {
  if (on_burst) on_burst(true);
  {
    std::lock_guard lock(done_mutex_);
    burst_ = true;
  }
  burst_timer_.after(kBurstLook, [this] { look_at_burst(); });
}

void Pool::look_at_burst() {
  bool over = !is_full();
  {
    std::lock_guard lock(done_mutex_);
    // Jobs that take longer than this wake the loop as ever.
    over |= done_.empty();
    burst_ = !over;
  }
  if (!over) burst_timer_.after(kBurstLook, [this] { look_at_burst(); });
  else if (on_burst) on_burst(false);
  auto alive = alive_;
  deliver();
  if (*alive && !over && on_look) on_look();
}

void Pool::start_thread() {
  try {
    threads_.emplace_back([this, number = static_cast<int>(threads_.size()) + 1] {
      own_number = number;
      work();
    });
  } catch (const std::system_error& error) {
    std::lock_guard lock(mutex_);
    // Those that there are do it, later.
    if (--live_ == 0)
      throw Error(fmt::format("no thread can be started: {}", error.code().message()))
          .hint("the limit of processes is reached, see `ulimit -u`");
  }
}

std::size_t Pool::drop_waiting() {
  std::deque<Job> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(jobs_);
  return dropped.size();
}

void Pool::replace_thread() {
  {
    std::lock_guard lock(mutex_);
    ++limit_;
  }
  ensure_thread();
}

void Pool::ensure_thread() {
  bool start = false;
  {
    std::lock_guard lock(mutex_);
    start = idle_ < jobs_.size() && live_ < limit_;
    live_ += start ? 1 : 0;
  }
  if (start) start_thread();
}

Pool::Waiting::Waiting() {
  if (!own_pool) return;
  std::lock_guard lock(own_pool->mutex_);
  ++own_pool->limit_;
  // Threads are the loop's business.
  own_pool->loop_.post([pool = own_pool, alive = own_pool->alive_] {
    if (*alive) pool->ensure_thread();
  });
}

Pool::Waiting::~Waiting() {
  if (own_pool) own_pool->release_thread();
}

void Pool::release_thread() {
  std::lock_guard lock(mutex_);
  --limit_;
}

void Pool::work() {
  take_short_slices();
  own_pool = this;
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [&] { return closing_ || !jobs_.empty(); });
    --idle_;
    if (closing_) return;
    if (live_ > limit_) {
      // One too many since a stuck one came back; what woke it is for another.
      --live_;
      wake_.notify_one();
      return;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Done done = job();
    job = nullptr;
    bool first;
    {
      std::lock_guard results(done_mutex_);
      first = done_.empty() && !burst_;
      done_.push_back(std::move(done));
    }
    if (first) {
      loop_.post([this, alive = alive_] {
        if (*alive) deliver();
      });
    }
    lock.lock();
  }
}

void Pool::deliver() {
  std::deque<Done> ready;
  {
    std::lock_guard lock(done_mutex_);
    ready.swap(done_);
  }
  auto alive = alive_;
  for (Done& done : ready) {
    if (done) done();
    if (!*alive) return;
  }
  // Not where nothing was done: the jobs are long.
  if (!ready.empty() && !burst_timer_.pending() && is_full()) begin_burst();
}

}  // namespace mgmt
