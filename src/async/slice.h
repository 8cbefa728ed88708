// SPDX-License-Identifier: GPL-3.0-or-later
// Slices: how long the kernel lets the calling thread run before it looks who is next. One that asks for short ones
// runs when its event comes, not when another's slice (some 3 ms) is over; of the processors it gets no more than
// before. Since Linux 6.12, see sched(7), sched_setattr(2): earlier kernels take no notice.
#pragma once

#include <cstdint>

namespace mgmt {

void take_short_slices();

/// While it lives, its thread has the usual slices: a child that is started takes its thread's along.
class UsualSlices {
 public:
  UsualSlices();
  ~UsualSlices();
  UsualSlices(const UsualSlices&) = delete;
  UsualSlices& operator=(const UsualSlices&) = delete;

 private:
  std::uint64_t before_;
};

}  // namespace mgmt
