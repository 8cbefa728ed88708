// SPDX-License-Identifier: GPL-3.0-or-later
// Sharing: an agent's part in the world: publishes what its graph exports, and gathers what it collects.
// Opens the store with the first graph that does either.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/engine/run/engine.h"
#include "src/report/report.h"
#include "src/world/exchange.h"
#include "src/world/world.h"

namespace mgmt::cli {

using Declarations = std::vector<std::shared_ptr<const Declaration>>;

class Sharing : public Publisher {
 public:
  Sharing(Loop& loop, std::string prefix, std::string host, report::Report& report);
  ~Sharing() override;

  static bool needed(const ResourceGraph& graph);

  /// Follows what `graph` collects, and withdraws what it no longer exports (unless `read_only`). Calls
  /// `on_collected` with all of it: once soon, and then whenever some of it changes.
  void follow(const ResourceGraph& graph, bool read_only);
  std::function<void(const Declarations&)> on_collected;

  /// Called where the store can't be had: what waits for it goes on without, what is to be published fails; it is tried
  /// again behind that.
  std::function<void()> on_unreachable;

  bool idle() const override;
  std::function<void()> on_idle;

  void publish(const Declaration& declaration, std::move_only_function<void(Result<bool>)> done) override;

 private:
  struct Publishing;
  void open();
  void on_trouble(const std::string& text);
  void decode(const world::Collected& news);

  Loop& loop_;
  std::string prefix_;
  std::string host_;
  report::Report& report_;
  std::unique_ptr<world::World> world_;
  std::unique_ptr<world::Exporter> exporter_;
  std::unique_ptr<world::Collector> collector_;
  void maybe_idle();
  world::ExportId id_of(const Declaration& declaration, const std::string& to) const;

  /// What this host exports, as it was last asked to.
  std::map<world::ExportId, std::string> published_;
  std::set<world::ExportId> kept_;
  std::set<std::string> kinds_;
  bool read_only_ = false;
  /// Why the store can't be had, until it can.
  std::optional<Error> trouble_;
  std::vector<std::weak_ptr<Publishing>> publishing_;
  bool has_heard_ = false;  // of what is exported now
  /// In the order of their ids: the same set makes the same graph.
  std::map<world::ExportId, std::shared_ptr<const Declaration>> collected_;
};

}  // namespace mgmt::cli
