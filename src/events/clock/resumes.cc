// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/clock/resumes.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <limits>
#include <utility>

namespace mgmt::events {
namespace {

SleepClock::Time now_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Resumes::Resumes(Loop& loop, std::function<void()> slept)
    : slept_(std::move(slept)),
      clock_(now_of(CLOCK_BOOTTIME), now_of(CLOCK_MONOTONIC)),
      timer_(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!timer_) return;  // without it a suspend is seen by the next slow round
  arm();
  watch_ = Loop::FdWatch(loop, timer_.get(), [this] { on_jump(); });
}

void Resumes::arm() const {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<time_t>::max();
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr);
}

void Resumes::on_jump() {
  std::uint64_t ignored = 0;
  [[maybe_unused]] ssize_t size = ::read(timer_.get(), &ignored, sizeof ignored);  // ECANCELED
  arm();
  if (clock_.has_slept(now_of(CLOCK_BOOTTIME), now_of(CLOCK_MONOTONIC))) slept_();
}

}  // namespace mgmt::events
