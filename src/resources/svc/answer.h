// SPDX-License-Identifier: GPL-3.0-or-later
// How a coroutine waits for a callback, and for a change. On the loop's thread; a timer that never rings is what waits:
// cancelling it is the event.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <optional>
#include <utility>

#include "src/async/loop.h"

namespace mgmt::svc {

/// Set once, awaited by one coroutine. Held by both (std::shared_ptr): a coroutine that was cancelled is gone before
/// its answer comes.
template <class T>
class Answer {
 public:
  explicit Answer(Loop& loop) : set_(loop.io(), TimePoint::max()) {}
  void set(T value) {
    value_ = std::move(value);
    set_.cancel();
  }
  /// Throws operation_aborted when cancelled.
  boost::asio::awaitable<T> get() {
    boost::system::error_code ignored;
    if (!value_) co_await set_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    if (!value_) throw boost::system::system_error(boost::asio::error::operation_aborted);
    co_return std::move(*value_);
  }

 private:
  boost::asio::steady_timer set_;
  std::optional<T> value_;
};

/// Counts changes; any number of coroutines wait for the next one.
class Changes {
 public:
  explicit Changes(Loop& loop) : next_(loop.io(), TimePoint::max()) {}
  std::uint64_t count() const { return count_; }
  void add() {
    ++count_;
    next_.cancel();
  }
  /// Until there have been more than `seen`, which may be already. Throws operation_aborted when cancelled.
  boost::asio::awaitable<void> more_than(std::uint64_t seen) {
    boost::system::error_code ignored;
    if (count_ > seen) co_return;
    co_await next_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    if (count_ <= seen) throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

 private:
  boost::asio::steady_timer next_;
  std::uint64_t count_ = 0;
};

}  // namespace mgmt::svc
