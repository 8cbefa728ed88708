// SPDX-License-Identifier: GPL-3.0-or-later
// Preview: what some resources of a graph would do, by a dry run of them, each for itself, in an engine of its own. It
// watches nothing and says nothing. On the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/cli/protection.h"
#include "src/engine/run/engine.h"
#include "src/engine/sync/forecast.h"

namespace mgmt::cli {

class Preview {
 public:
  struct Result {
    Forecast forecast;
    /// Of `limits: protect`: what would change there.
    std::vector<std::string> protected_paths;
  };
  /// Calls `done` once, later. `store_folder`: see Engine::Options.
  Preview(Loop& loop, const std::shared_ptr<const ResourceGraph>& graph, const std::vector<VertexId>& scope,
          std::string store_folder, std::function<void(Result)> done);
  ~Preview();

  /// Calls `ended` when nothing of it runs any more, and it may be destroyed; false: a thread is stuck, and it may not.
  void stop(std::move_only_function<void(bool)> ended);

 private:
  class Reader;
  void settled();

  Loop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  report::Report report_;
  std::unordered_map<std::string, std::shared_ptr<const Declaration>> by_id_;
  Protection protection_;
  Result result_;
  // Of protected_paths, which the pool's threads add to.
  std::mutex mutex_;
  std::function<void(Result)> done_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace mgmt::cli
