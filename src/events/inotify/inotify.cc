// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/inotify.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mgmt::events {

std::unique_ptr<Inotify> Inotify::create() {
  Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  return fd ? std::unique_ptr<Inotify>(new Inotify(std::move(fd))) : nullptr;
}

KernelWatches::Added Inotify::add(const std::string& path, std::uint32_t mask) {
  int id = ::inotify_add_watch(fd_.get(), path.c_str(), mask | IN_MASK_ADD);
  return {.id = id, .failure = id < 0 ? errno : 0};
}

void Inotify::remove(int id, const std::string& /*path*/) { ::inotify_rm_watch(fd_.get(), id); }

bool Inotify::read(const Call& call) {
  alignas(inotify_event) std::array<char, 65536> buffer;
  ssize_t size = ::read(fd_.get(), buffer.data(), buffer.size());
  if (size <= 0) return false;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    inotify_event event;
    std::memcpy(&event, buffer.data() + at, sizeof event);
    const char* name = buffer.data() + at + sizeof event;
    call({.id = event.wd, .mask = event.mask, .name = {name, ::strnlen(name, event.len)}});
    at += sizeof event + event.len;
  }
  return static_cast<std::size_t>(size) >= buffer.size() / 2;
}

}  // namespace mgmt::events
