// SPDX-License-Identifier: GPL-3.0-or-later
// RecentProcesses: which processes began, and by whom, lately: the last hundred or so of each processor, also those
// that have ended. The kernel writes them into a ring of 16 KiB a processor (perf_event_open(2)), the oldest go, and
// nobody is woken for it: it is read only when it is asked. For root.
#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "src/base/fd.h"

namespace mgmt::events {

class RecentProcesses {
 public:
  /// Some 30 µs a processor. Where it can't be had, nothing is found.
  RecentProcesses();
  ~RecentProcesses();
  RecentProcesses(const RecentProcesses&) = delete;
  RecentProcesses& operator=(const RecentProcesses&) = delete;

  struct Found {
    /// What it executed last; "" if it only was a part of its parent.
    std::string command;
    pid_t parent = 0;
  };
  std::optional<Found> find(pid_t pid) const;

 private:
  struct Ring {
    Fd fd;
    void* memory = nullptr;
  };
  std::vector<Ring> rings_;
};

/// The newest that a ring's records say of `pid`, added to what is known: `records` begins with the newest.
void read_records(const char* records, std::size_t size, pid_t pid, RecentProcesses::Found& found);

}  // namespace mgmt::events
