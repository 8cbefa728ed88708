// SPDX-License-Identifier: GPL-3.0-or-later
// Resource: one resource at work, made from its Declaration and owned by the engine. A kind derives from
// one of three shapes, by how its check and apply run:
//
//   InlineResource    on the loop's thread, never waits (noop, print, timer)
//   BlockingResource  on a pool thread, may block, touches nothing but itself (file)
//   AsyncResource     a coroutine on the loop's thread (exec): see async_resource.h
//
// The engine never runs two of check and apply of one resource at once, and never apply in a dry run.
// `watch`, `take_changer`, `take_told`, `is_own_echo` and the destructor run on the loop's thread, never beside check
// or apply.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/report.h"
#include "src/resources/kind.h"
#include "src/value/delta.h"

namespace mgmt {

class Keeper;
class Loop;
class Pool;
class Spawner;
class Unsynced;
struct ResourceGraph;
struct Process;
namespace events {
class FileWatcher;
}

/// What kinds are made with; lives as long as the engine.
struct Services {
  Loop& loop;
  events::FileWatcher& files;
  Spawner& spawner;
  /// Told of each file that was written, so that it gets to the disk. Any thread.
  Unsynced& unsynced;
  report::Report& report;
  /// The whole run only looks: nothing that acts may be started, not even to watch.
  bool noop = false;
  /// Keeps what is about to be overwritten; null: nothing is kept. Any thread.
  Keeper* keeper = nullptr;
  /// Of a plan that is made where no daemon can be reached; else null.
  std::shared_ptr<const Answers> answers = nullptr;
  /// What resources of a kind share (a connection), for as long as one of them holds it. By a name of the kind's
  /// choice.
  std::map<std::string, std::weak_ptr<void>> shared = {};
};

/// What an event says of a resource: never what the state is, only how sure it is that somebody else moved.
enum class Look {
  /// An entry appeared, went or changed its attributes: may be the echo of our own rename.
  Entry,
  /// Somebody wrote, or it can't be told: check.
  Again,
};

/// Disarms what it stands for when destroyed.
class Subscription {
 public:
  virtual ~Subscription() = default;
};
using Subscriptions = std::vector<std::unique_ptr<Subscription>>;
using Notify = std::function<void(Look)>;

/// The clean paths that resources of a graph manage, sorted by path.
struct ManagedPaths {
  struct One {
    std::string path;
    /// Whose it is, one of `graph`; null: mgmt's own.
    const Declaration* by = nullptr;
  };
  std::vector<One> all;
  std::shared_ptr<const ResourceGraph> graph = nullptr;

  /// Null if nobody manages it.
  const One* find(std::string_view path) const;
  /// Those that lie below the folder.
  std::span<const One> below(std::string_view folder) const;
};
/// Of what runs here; `own_folder` is mgmt's (clean; empty: none).
ManagedPaths managed_paths_of(std::shared_ptr<const ResourceGraph> graph, const std::string& own_folder);
/// The same paths, with the same declared of them.
bool same_managed(const ManagedPaths& a, const ManagedPaths& b);

struct Inputs {
  /// Fill Change::text: somebody will show a diff. Outside a dry run only for a text that is replaced, not for a new
  /// one.
  bool want_text = false;
  /// Nothing is applied after this check. Commands that only guard still run.
  bool dry = false;
  /// Something that notifies this resource has changed: a kind that can be refreshed says so in its Delta, as a change
  /// of `refresh`, unless what else it does stands for it (a service that was just started needs no reload).
  bool refresh = false;
  /// A value from another resource has changed since the last run that succeeded.
  bool received = false;
  /// Which of Kind::outputs an edge's `send:` takes along: bit i is the i-th. What isn't wanted need not be kept.
  std::uint32_t sends = 0;
  /// Of a run that only looks, and a kind with Kind::question: those directly before it that would change something.
  std::vector<const Declaration*> changes_before = {};
  /// Only for a kind whose views_managed_paths says so, else null.
  std::shared_ptr<const ManagedPaths> managed = nullptr;
};

class Resource {
 public:
  explicit Resource(std::shared_ptr<const Declaration> declaration) : declaration_(std::move(declaration)) {}
  virtual ~Resource() = default;
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  /// Where check and apply run: on the loop, on a thread of the pool, or as coroutines on the loop.
  enum class Runs : std::uint8_t { Inline, Blocking, Async };
  virtual Runs runs() const = 0;

  const Declaration& declaration() const { return *declaration_; }
  /// For an equal declaration of the next graph: the places move.
  void adopt(std::shared_ptr<const Declaration> declaration) { declaration_ = std::move(declaration); }

  /// Arms what tells that the state may have changed. Once armed, no change is missed: the engine checks
  /// after this. Throws Error where it can't be watched; the engine tries again with back-off.
  /// `notify` may be called at any time until the subscriptions are destroyed, on the loop's thread.
  virtual void watch(Subscriptions& into, Notify notify) = 0;

  /// After a run that succeeded: a value for each of Kind::outputs (None where there is none yet).
  virtual std::vector<Value> outputs() const { return {}; }

  /// What brings back what is there now, once this resource has left the graph; asked where check runs, before the
  /// first apply, of one with `meta: reverse`. Throws Error where that can't be had.
  virtual Declaration undo() { throw Error("it can't be undone"); }

  /// Its events come by way of another process: who waits for all that has happened looks at the state itself.
  virtual bool events_come_late() const { return false; }

  /// What the last event said that didn't come from Services::files, since this was asked last: "ssh.service became
  /// inactive (PropertiesChanged)". "" where nothing is known.
  virtual std::string take_told() { return {}; }

  /// Who made the last change that an event told of, since this was asked last; null where that isn't known.
  virtual std::shared_ptr<const Process> take_changer() { return nullptr; }

  /// For an event that says Look::Entry: true if the state is, to one stat, as our own last check or apply left it.
  virtual bool is_own_echo() { return false; }

 protected:
  std::shared_ptr<const Declaration> declaration_;
};

class InlineResource : public Resource {
 public:
  using Resource::Resource;
  Runs runs() const final { return Runs::Inline; }
  virtual Delta check(const Inputs& inputs) = 0;
  virtual void apply(const Delta& delta) = 0;
};

/// The last step of an apply whose data is to be on the disk first, together with that of others. Destroyed without
/// it, what was begun is undone. Any thread, one at a time; the resource outlives it.
class Staged {
 public:
  struct Data {
    std::string path;
    dev_t device;
  };
  explicit Staged(Data data) : data_(std::move(data)) {}
  virtual ~Staged() = default;
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;

  const Data& data() const { return data_; }
  /// As the end of BlockingResource::apply.
  virtual void finish() = 0;

 private:
  Data data_;
};

class BlockingResource : public Resource {
 public:
  using Resource::Resource;
  Runs runs() const final { return Runs::Blocking; }
  /// What differs from the declaration. Throws Error where that can't be said.
  virtual Delta check(const Inputs& inputs) = 0;
  /// Makes it so, or throws one Error and leaves nothing half-done.
  virtual void apply(const Delta& delta, const Inputs& inputs) = 0;
  /// The same, or all but its last step, which is returned.
  virtual std::unique_ptr<Staged> stage(const Delta& delta, const Inputs& inputs) {
    apply(delta, inputs);
    return nullptr;
  }
};

}  // namespace mgmt
