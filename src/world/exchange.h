// SPDX-License-Identifier: GPL-3.0-or-later
// Exporter and Collector: how exported resources get from host to host, over any World. What is exported is
// opaque bytes here (src/resources/wire.h makes them). Both live on the loop's thread and call from the loop,
// never from within a call; destroyed, they call no more.
//
//   Exporter exporter(loop, world, "a", warn);
//   exporter.publish({"file", "motd"}, bytes, [](Result<void> done) { ... });
//   Collector collector(loop, world, "b", {"file"}, [](const Collected& news) { ... }, warn);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "src/async/loop.h"
#include "src/world/key.h"
#include "src/world/world.h"

namespace mgmt::world {

using Warn = std::function<void(std::string)>;

/// Keeps what this host exports in the world as it was last said here: level-triggered, so that a store that
/// lost it (a new epoch) gets it again. Commits only what differs from what is stored, as many as fit at once,
/// and tries again, up to every 30 s, while the world can't be had.
class Exporter {
 public:
  struct Name {
    std::string kind;
    std::string name;
    std::string to = std::string(kToAll);
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  /// Called when it, or what was published under the name since, is stored; with an Error where it never will be (too
  /// large for a commit, or withdrawn). True if something had to be stored or withdrawn for it.
  using Done = std::move_only_function<void(Result<bool>)>;

  Exporter(Loop& loop, World& world, std::string writer, Warn warn);
  ~Exporter();

  void publish(const Name& name, std::string bytes, Done done = {});
  /// Withdraws all of this writer that isn't in `keep`, also what an earlier process has published. What is in
  /// `keep` and not published yet stays as it is stored. Holds until it is called again.
  void retain(std::set<Name> keep, Done done = {});
  /// True if all that was asked for is stored, as far as the world has said.
  bool idle() const;
  /// Called each time that idle() has become true.
  void set_on_idle(std::function<void()> call);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct Exported {
  ExportId id;
  std::string bytes;
};

/// What is new to a Collector.
struct Collected {
  std::vector<Exported> put;
  std::vector<ExportId> removed;
  /// The first call, which comes even if there is nothing.
  bool initial = false;
};

/// Follows what hosts export of some kinds, to all or to this host, its own exports included. Calls first with
/// all of it, then once for each batch in which something really changed. Never shows an older value after a newer one.
class Collector {
 public:
  using Call = std::function<void(const Collected&)>;

  Collector(Loop& loop, World& world, std::string host, std::set<std::string> kinds, Call on_change, Warn warn);
  ~Collector();

  /// Changes what is followed; the difference comes as one change.
  void set_kinds(std::set<std::string> kinds);
  /// All that is exported to us now, in order.
  const std::map<ExportId, std::string>& entries() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mgmt::world
