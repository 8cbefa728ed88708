// SPDX-License-Identifier: GPL-3.0-or-later
// Slices: how long the kernel lets the calling thread run before it looks who is next. One that asks for short ones
// runs when its event comes, not when another's slice (some 3 ms) is over; of the processors it gets no more than
// before. Since Linux 6.12, see sched(7), sched_setattr(2): earlier kernels take no notice.
#pragma once

namespace mgmt {

void take_short_slices();
/// As by default: what is started from a thread takes its slices along.
void take_usual_slices();

}  // namespace mgmt
