// SPDX-License-Identifier: GPL-3.0-or-later
// Inotify: one instance of inotify(7). It doesn't say who did something.
#pragma once

#include <memory>
#include <string>

#include "src/base/fd.h"
#include "src/events/inotify/kernel_watches.h"

namespace mgmt::events {

class Inotify : public KernelWatches {
 public:
  /// Null if there is none left (fs.inotify.max_user_instances).
  static std::unique_ptr<Inotify> create();
  Added add(const std::string& path, std::uint32_t mask) override;
  void remove(int id, const std::string& path) override;
  bool read(const Call& call) override;
  int descriptor() const override { return fd_.get(); }

 private:
  explicit Inotify(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace mgmt::events
