// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/sync_within.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

namespace mgmt {
namespace {

// Shared with the threads, which may outlive everything else here.
struct Threads {
  std::mutex mutex;
  std::condition_variable ended;
  std::set<dev_t> at_work;
};

int sync_now(int fd) {
  if (fd >= 0) return ::syncfs(fd) == 0 ? 0 : errno;
  ::sync();
  return 0;
}

}  // namespace

std::optional<int> sync_within(Fd fd, dev_t device, std::chrono::milliseconds bound,
                               const std::function<int(int)>& call) {
  static const auto threads = std::make_shared<Threads>();
  auto deadline = std::chrono::steady_clock::now() + bound;
  std::unique_lock lock(threads->mutex);
  // One that began before what is to be synced was written is no answer: it must end, and another one follow.
  auto free = [&] { return !threads->at_work.contains(device); };
  if (!threads->ended.wait_until(lock, deadline, free)) return std::nullopt;
  auto result = std::make_shared<std::optional<int>>();  // guarded by the mutex
  threads->at_work.insert(device);
  auto work = [all = threads, device, call, fd = std::make_shared<Fd>(std::move(fd)), result] {
    int failure = call ? call(fd->get()) : sync_now(fd->get());
    std::lock_guard held(all->mutex);
    *result = failure;
    all->at_work.erase(device);
    all->ended.notify_all();
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {
    // No thread to be had: then here, as long as it takes.
    lock.unlock();
    work();
    lock.lock();
  }
  threads->ended.wait_until(lock, deadline, [&] { return result->has_value(); });
  return *result;
}

}  // namespace mgmt
