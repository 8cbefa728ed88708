// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/who/recent.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

namespace mgmt::events {
namespace {

constexpr std::size_t kRing = std::size_t{16} << 10;

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

RecentProcesses::RecentProcesses() {
  perf_event_attr what{};
  what.type = PERF_TYPE_SOFTWARE;
  what.size = sizeof what;
  what.config = PERF_COUNT_SW_DUMMY;
  what.comm = what.comm_exec = what.task = 1;
  what.write_backward = 1;  // the newest first, over the oldest
  what.watermark = 1;
  what.wakeup_watermark = UINT32_MAX;  // never
  std::size_t size = page_size() + std::max(kRing, page_size());
  for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_CONF); ++cpu) {
    Fd fd(static_cast<int>(::syscall(SYS_perf_event_open, &what, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd) continue;  // not here, or a processor that is off
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (memory != MAP_FAILED) rings_.push_back({std::move(fd), memory});
  }
}

RecentProcesses::~RecentProcesses() {
  for (Ring& ring : rings_) ::munmap(ring.memory, page_size() + std::max(kRing, page_size()));
}

void read_records(const char* records, std::size_t size, pid_t pid, RecentProcesses::Found& found) {
  // Of all three kinds: whose it is and, but for a command's name, by whom.
  struct Head {
    perf_event_header header;
    std::uint32_t pid, other, tid;
  };
  for (std::size_t at = 0; at + sizeof(Head) <= size;) {
    Head head;
    std::memcpy(&head, records + at, sizeof head);
    if (head.header.size < sizeof head || at + head.header.size > size) return;
    if (head.pid == static_cast<std::uint32_t>(pid)) {
      constexpr std::size_t kName = sizeof(perf_event_header) + 2 * sizeof(std::uint32_t);
      const char* name = records + at + kName;
      if (head.header.type == PERF_RECORD_COMM && found.command.empty() && head.other == head.pid)
        found.command.assign(name, ::strnlen(name, head.header.size - kName));
      bool is_thread = head.tid != head.pid;
      if (head.header.type == PERF_RECORD_FORK && !is_thread) {
        found.parent = static_cast<pid_t>(head.other);
        return;  // what is older is of another one of that number
      }
      if (head.header.type == PERF_RECORD_EXIT && !is_thread && found.parent == 0)
        found.parent = static_cast<pid_t>(head.other);
    }
    at += head.header.size;
  }
}

std::optional<RecentProcesses::Found> RecentProcesses::find(pid_t pid) const {
  Found found;
  std::vector<char> records;
  for (const Ring& ring : rings_) {
    if (::ioctl(ring.fd.get(), PERF_EVENT_IOC_PAUSE_OUTPUT, 1) != 0) continue;
    auto* page = static_cast<perf_event_mmap_page*>(ring.memory);
    std::uint64_t head = std::atomic_ref(page->data_head).load(std::memory_order_acquire);
    const char* data = static_cast<const char*>(ring.memory) + page->data_offset;
    std::size_t size = page->data_size;
    // It counts down from 0.
    std::size_t filled = static_cast<std::size_t>(std::min<std::uint64_t>(-head, size));
    std::size_t at = head & (size - 1), first = std::min(filled, size - at);
    records.assign(data + at, data + at + first);
    records.insert(records.end(), data, data + (filled - first));
    ::ioctl(ring.fd.get(), PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
    Found here;
    read_records(records.data(), records.size(), pid, here);
    if (found.command.empty()) found.command = std::move(here.command);
    if (found.parent == 0) found.parent = here.parent;
  }
  if (found.parent == 0 && found.command.empty()) return std::nullopt;
  return found;
}

}  // namespace mgmt::events
