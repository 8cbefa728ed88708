// SPDX-License-Identifier: GPL-3.0-or-later
// Loop: the one thread that owns the state of an agent. Everything below is called on its thread, but for
// post(), which any thread may call. The library behind it (Boost.Asio) is seen only by who includes
// <boost/asio/io_context.hpp> and asks for io().
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace mgmt {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop() is called or nothing is left to wait for.
  void run();
  /// Ends run() after the handler that is running. From any thread.
  void stop();
  /// Runs what is ready, without waiting. For tests.
  void poll();

  /// Calls `task` on the loop's thread, soon and in the order of the calls. From any thread.
  void post(std::move_only_function<void()> task);

  /// Timer: calls once, unless destroyed or cancelled before. Fires on the loop's thread.
  class Timer {
   public:
    explicit Timer(Loop& loop);
    ~Timer();
    Timer(Timer&&) noexcept;
    Timer& operator=(Timer&&) noexcept;
    /// Replaces a call that is pending.
    void at(TimePoint when, std::move_only_function<void()> call);
    void after(Duration delay, std::move_only_function<void()> call) { at(Clock::now() + delay, std::move(call)); }
    void cancel();
    bool pending() const;

   private:
    struct State;
    std::shared_ptr<State> state_;
  };

  /// FdWatch: calls `ready` each time the descriptor becomes readable (or writable, or has something of priority:
  /// POLLPRI), until destroyed. Doesn't own it.
  class FdWatch {
   public:
    enum class For { Reading, Writing, Priority };
    FdWatch() = default;
    FdWatch(Loop& loop, int fd, std::move_only_function<void()> ready, For what = For::Reading);
    ~FdWatch();
    FdWatch(FdWatch&&) noexcept;
    FdWatch& operator=(FdWatch&&) noexcept;

   private:
    struct State;
    std::shared_ptr<State> state_;
  };

  boost::asio::io_context& io();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mgmt
