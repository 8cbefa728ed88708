// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/mounts/mounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace mgmt::events {

Mounts::Mounts(Loop& loop, Call changed)
    : loop_(loop),
      changed_(std::move(changed)),
      file_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)),
      later_(loop) {
  if (!file_) return;
  watch_ = Loop::FdWatch(
      loop, file_.get(),
      [this] {
        // Each poll of the kernel's takes the mark of what has changed, the one too with which this wait begins anew.
        // So the table is read after that.
        loop_.post([this, alive = alive_] {
          if (*alive) on_change();
        });
      },
      Loop::FdWatch::For::Priority);
  table_ = read();
}

MountTable Mounts::read() {
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) return table_;
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    ssize_t size = ::read(file_.get(), buffer.data(), buffer.size());
    if (size < 0) return table_;
    if (size == 0) return MountTable(text);
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void Mounts::on_change() {
  told_ = true;
  if (Clock::now() >= not_before_) return look();
  if (!later_.pending()) later_.at(not_before_, [this] { look(); });
}

void Mounts::look() {
  if (!file_) return;
  later_.cancel();
  TimePoint begin = Clock::now();
  MountTable before = std::exchange(table_, read());
  TimePoint end = Clock::now();
  not_before_ = end + 9 * (end - begin);
  std::vector<std::string> points = table_.changed_since(before);
  // What was unmounted and mounted again since the last look may have got the numbers of what was there before.
  if (bool told = std::exchange(told_, false); told && points.empty()) points = table_.points();
  if (!points.empty()) changed_(points);
}

}  // namespace mgmt::events
