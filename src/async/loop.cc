// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/loop.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "src/async/slice.h"

namespace mgmt {

namespace asio = boost::asio;

struct Loop::State {
  // The hint is for one thread that runs the loop; post() from others stays safe.
  asio::io_context io{1};
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

void Loop::run() {
  take_short_slices();
  auto keep = asio::make_work_guard(state_->io);
  state_->io.restart();
  state_->io.run();
}

void Loop::stop() { state_->io.stop(); }

void Loop::poll() {
  state_->io.restart();
  state_->io.poll();
}

void Loop::post(std::move_only_function<void()> task) { asio::post(state_->io, std::move(task)); }

asio::io_context& Loop::io() { return state_->io; }

// The state outlives its Timer while a handler is in flight; `generation` tells such a handler that it is
// no longer wanted.
struct Loop::Timer::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  std::move_only_function<void()> call;
  unsigned generation = 0;
};

Loop::Timer::Timer(Loop& loop) : state_(std::make_shared<State>(loop.io())) {}
Loop::Timer::Timer(Timer&&) noexcept = default;
Loop::Timer& Loop::Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}
Loop::Timer::~Timer() { cancel(); }

void Loop::Timer::at(TimePoint when, std::move_only_function<void()> call) {
  State& s = *state_;
  s.call = std::move(call);
  unsigned generation = ++s.generation;
  s.timer.expires_at(when);
  s.timer.async_wait([self = s.shared_from_this(), generation](boost::system::error_code failure) {
    if (failure || generation != self->generation || !self->call) return;
    auto run = std::exchange(self->call, nullptr);
    run();
  });
}

void Loop::Timer::cancel() {
  if (!state_ || !state_->call) return;
  ++state_->generation;
  state_->call = nullptr;
  state_->timer.cancel();
}

bool Loop::Timer::pending() const { return state_ && state_->call != nullptr; }

static asio::posix::descriptor_base::wait_type wait_for(Loop::FdWatch::For what) {
  switch (what) {
    case Loop::FdWatch::For::Reading: return asio::posix::descriptor_base::wait_read;
    case Loop::FdWatch::For::Writing: return asio::posix::descriptor_base::wait_write;
    case Loop::FdWatch::For::Priority: break;
  }
  return asio::posix::descriptor_base::wait_error;
}

struct Loop::FdWatch::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, int fd, For for_what) : descriptor(io, fd), what(wait_for(for_what)) {}
  asio::posix::stream_descriptor descriptor;
  asio::posix::descriptor_base::wait_type what;
  std::move_only_function<void()> ready;
  bool closed = false;

  void wait() {
    descriptor.async_wait(what, [self = shared_from_this()](boost::system::error_code failure) {
      if (failure || self->closed) return;
      self->ready();
      if (!self->closed) self->wait();
    });
  }
};

Loop::FdWatch::FdWatch(Loop& loop, int fd, std::move_only_function<void()> ready, For what)
    : state_(std::make_shared<State>(loop.io(), fd, what)) {
  state_->ready = std::move(ready);
  state_->wait();
}

Loop::FdWatch::FdWatch(FdWatch&&) noexcept = default;
Loop::FdWatch& Loop::FdWatch::operator=(FdWatch&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Loop::FdWatch::~FdWatch() {
  if (!state_) return;
  state_->closed = true;
  state_->descriptor.release();  // cancels the wait; the descriptor stays its owner's
}

}  // namespace mgmt
