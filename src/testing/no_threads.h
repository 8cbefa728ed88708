// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <pthread.h>

#include <cstddef>

namespace mgmt {

/// While it lives, no thread can be started: each would want a stack of more than there are addresses.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t wanted = before_;
    pthread_attr_setstacksize(&wanted, std::size_t{1} << 48);
    pthread_setattr_default_np(&wanted);
  }
  ~NoThreads() { pthread_setattr_default_np(&before_); }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_{};
};

}  // namespace mgmt
