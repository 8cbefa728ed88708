// SPDX-License-Identifier: GPL-3.0-or-later
// The removal of what a killed run of this agent left half-written: see src/resources/drafts.h. Any thread.
#pragma once

namespace mgmt::file {

/// Where the dead runs wrote; once in the life of the process, by the first who asks. What can't be removed is left to
/// the next run.
void sweep_dead_runs();

}  // namespace mgmt::file
