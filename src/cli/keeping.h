// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping: an agent's Keeper. What the agent itself left at a path, as its file remembers, isn't kept; all else is, by
// state::Backup.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "src/async/loop.h"
#include "src/cli/place.h"
#include "src/resources/keeper.h"
#include "src/state/backup.h"
#include "src/state/database.h"

namespace mgmt::cli {

class Keeping : public Keeper {
 public:
  /// `warn` is called on the loop's thread.
  Keeping(Loop& loop, const Place& place, std::function<void(std::string)> warn);

  void keep(const Old& old) override;
  void tell_unkept(const std::string& folder, std::size_t count) override;

 private:
  bool is_own(const Old& old, const std::string& sha256);
  void warn(std::string text);

  Loop& loop_;
  std::function<void(std::string)> warn_;
  state::Backup backup_;
  std::atomic<bool> closing_ = false;
  std::mutex mutex_;
  state::Database database_;  // guarded by mutex_
};

}  // namespace mgmt::cli
