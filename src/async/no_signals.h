// SPDX-License-Identifier: GPL-3.0-or-later
// NoSignals: while it lives, its thread takes no signal, and neither does a thread that is born meanwhile: they are the
// loop's. A SIGPIPE of such a thread stays pending where nobody takes it.
#pragma once

#include <pthread.h>

#include <csignal>

namespace mgmt {

class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace mgmt
