// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/signal/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "src/base/error.h"

namespace mgmt::events {

Signals::Signals(Loop& loop, const std::vector<int>& signals, std::function<void(int)> call) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  if (int failure = pthread_sigmask(SIG_BLOCK, &set, nullptr)) throw Error::system(failure, "blocking signals");
  fd_ = Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw Error::system(errno, "watching for signals");
  watch_ = Loop::FdWatch(loop, fd_.get(), [this, call = std::move(call)] {
    signalfd_siginfo info;
    while (::read(fd_.get(), &info, sizeof info) == sizeof info) call(static_cast<int>(info.ssi_signo));
  });
}

}  // namespace mgmt::events
