// SPDX-License-Identifier: GPL-3.0-or-later
// Pool: threads for work that blocks. A job runs on a pool thread, its `done` on the loop's thread. Jobs
// start in the order of their submission; each result goes back singly, so no job waits for another.
//
// A result wakes the loop at once, but in a burst (so many jobs wait that what follows from a result has to wait for a
// thread anyway): then the loop looks every millisecond what is done, and isn't woken ten thousand times for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "src/async/loop.h"

namespace mgmt {

class Pool {
 public:
  /// A job returns what is to be called on the loop's thread when it is done (may be empty).
  using Done = std::move_only_function<void()>;
  using Job = std::move_only_function<Done()>;

  /// Threads are started with the first jobs, up to `threads`.
  Pool(Loop& loop, unsigned threads);
  /// Drops what has not begun, waits for what runs.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Called when a burst begins (true), and when it is over; and each time that the loop looks in between.
  std::function<void(bool)> on_burst;
  std::function<void()> on_look;

  void submit(Job job);
  /// Forgets the jobs that have not begun; how many they were.
  std::size_t drop_waiting();
  /// A job is stuck: one more thread may run, until its own comes back (release_thread).
  void replace_thread();
  void release_thread();
  /// Which of a pool's threads calls: the n-th, from 1 on; 0: none of them.
  static int worker();

  /// While it lives, the job whose thread made it only waits, and another job may run beside. Anywhere else it is
  /// nothing.
  class Waiting {
   public:
    Waiting();
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
  };

 private:
  void start_thread();
  void work();
  void deliver();
  void ensure_thread();
  bool is_full();
  void begin_burst();
  void look_at_burst();

  Loop& loop_;
  unsigned limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;
  unsigned idle_ = 0;
  unsigned live_ = 0;
  bool closing_ = false;

  // Results wait in one queue, and only the first of them wakes the loop.
  std::mutex done_mutex_;
  std::deque<Done> done_;
  bool burst_ = false;
  Loop::Timer burst_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mgmt
