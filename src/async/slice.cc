// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/slice.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace mgmt {
namespace {

// SCHED_OTHER and SCHED_BATCH, whose header and this one can't be had together.
constexpr std::uint32_t kOther = 0, kBatch = 3;

// In nanoseconds; 0: the kernel's own. Gives what it was before.
std::uint64_t ask_for(std::uint64_t slice) {
  sched_attr attributes{};
  // A refusal (a seccomp filter of a container's) leaves things as they are, which is no harm.
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return 0;
  // Of other policies it says something else.
  if (attributes.sched_policy != kOther && attributes.sched_policy != kBatch) return 0;
  std::uint64_t before = attributes.sched_runtime;
  attributes.sched_runtime = slice;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
  return before;
}

}  // namespace

// The shortest that the kernel grants.
void take_short_slices() { ask_for(100'000); }

UsualSlices::UsualSlices() : before_(ask_for(0)) {}
UsualSlices::~UsualSlices() { ask_for(before_); }

}  // namespace mgmt
