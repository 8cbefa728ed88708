// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/slice.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace mgmt {
namespace {

// In nanoseconds; 0: the kernel's own.
void ask_for(std::uint64_t slice) {
  sched_attr attributes{};
  // A refusal (a seccomp filter of a container's) leaves things as they are, which is no harm.
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.sched_runtime = slice;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

// The shortest that the kernel grants.
void take_short_slices() { ask_for(100'000); }

void take_usual_slices() { ask_for(0); }

}  // namespace mgmt
