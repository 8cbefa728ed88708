// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: brings the machine to the state of a graph and keeps it there. Does what Schedule, Convergence,
// RepairLimit and plan_sync decide. Lives on the loop's thread; only blocking work leaves it.
//
//   Engine engine(loop, report, options);
//   engine.on_settled = [&](bool all_fine) { ... };
//   engine.load(graph);      // later again: swaps to the next one
//   loop.run();
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/async/pool.h"
#include "src/async/process.h"
#include "src/engine/converge/convergence.h"
#include "src/engine/converge/recheck_pace.h"
#include "src/engine/run/instance.h"
#include "src/engine/schedule/refreshes.h"
#include "src/engine/schedule/schedule.h"
#include "src/events/inotify/file_watcher.h"
#include "src/report/report.h"
#include "src/resources/resource_graph.h"
#include "src/resources/unsynced.h"
#include "src/state/refresh_journal.h"
#include "src/state/undo_journal.h"

namespace mgmt {

/// Publishes an exported declaration to other hosts.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Calls `done` on the loop's thread: true if something was published, false if it was there already.
  virtual void publish(const Declaration& declaration, std::move_only_function<void(Result<bool>)> done) = 0;
  /// Nothing is on its way: all is stored, and what is collected shows it. Until then the engine isn't settled;
  /// who makes it true calls Engine::reconsider().
  virtual bool idle() const = 0;
};

class Engine {
 public:
  struct Options {
    /// Check everything, apply nothing.
    bool noop = false;
    /// With exit on convergence: for how long nothing may have changed.
    Duration window{0};
    /// The run ends when it has settled: what was written is synced before that is said.
    bool ends_when_settled = false;
    /// A resource that failed twice counts as settled, even if it would be tried again.
    bool once = false;
    /// At most so many resources run at once; 0: no limit.
    std::int64_t sema = 0;
    /// Repairs of one resource within so long before it is slowed down.
    std::uint32_t repair_limit = 1000;
    /// How long a round takes in which everything is looked at again that no event tells of; 0: there is none.
    Duration recheck{0};
    Duration repair_period = RepairLimit::kPeriod;
    /// A reader of the report keeps diffs: texts that are replaced are wanted (see Inputs::want_text).
    bool keep_text = false;
    /// 0: as many as the machine has cores.
    unsigned threads = 0;
    /// Where the agent keeps its own store (clean): no resource may manage what lies there. Empty: nowhere.
    std::string store_folder = {};
    /// Of what runs a part of another graph: the paths that all of that one manages. Null: the graph's own.
    std::shared_ptr<const ManagedPaths> managed = nullptr;
    /// Asked of each Delta that isn't empty, before it is applied (or, in a dry run, reported): an Error keeps it from
    /// that, and is the resource's. From any thread. Empty: everything is.
    using Approve = std::function<std::optional<Error>(const Declaration&, const Delta&)>;
    Approve approve = {};
    /// When what is written gets to the disk.
    Durability durability = Durability::Burst;
    /// Keeps what is about to be overwritten; outlives the engine. Null: nothing is kept.
    Keeper* keeper = nullptr;
    /// Of a plan that is made where no daemon can be reached; else null.
    std::shared_ptr<const Answers> answers = nullptr;
    /// Of the jitter of retries.
    std::uint32_t random_seed = std::random_device{}();
  };

  /// Without a journal, a refresh that is due when the process dies is lost; without an undo journal, what has `meta:
  /// reverse` fails before it changes anything.
  Engine(Loop& loop, report::Report& report, Options options, Publisher* publisher = nullptr,
         RefreshJournal* journal = nullptr, UndoJournal* undo_journal = nullptr);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Refreshes that an earlier run left undone. Before the first graph.
  void restore_refreshes(std::vector<RefreshRow> rows);

  /// Runs `graph`; if one is running, swaps: what is equal goes on untouched. A swap waits for what has `meta:
  /// realize`.
  void load(std::shared_ptr<const ResourceGraph> graph);

  /// What failed is looked at again, now.
  void retry_failed();
  /// What differs there is reported and left as it is, until the next call; what no longer is among them is then looked
  /// at again. A run that is on its way ends as it began.
  struct Withheld {
    bool all = false;
    /// Declaration::id(); whether a graph has them doesn't matter.
    std::unordered_set<std::string> ids = {};
    bool has(const Declaration& declaration) const { return all || (!ids.empty() && ids.contains(declaration.id())); }
  };
  void withhold(Withheld withheld);

  /// Asks again whether all is settled, after something outside the engine has ended.
  void reconsider() { consider(); }

  /// Looks at everything again, now.
  void recheck_all();

  /// Reads all that has happened by now: what is queued, and the state itself where events come late or not at all.
  void catch_up();
  /// Calls once all is settled: soon, if that is so now. As with `once`, what failed twice isn't waited for. Never, if
  /// the engine stops before.
  void when_handled(std::move_only_function<void()> call);

  struct Tally {
    std::size_t resources = 0, failed = 0;
    /// Neither fine nor failed: to be looked at, running, or behind one that is so or has failed.
    std::size_t left = 0;
    /// Some of them, by name.
    std::vector<std::string> failed_ones = {}, left_ones = {};
  };
  Tally tally() const;

  /// Nothing is left to do; false if something failed. Called once after each activity that has ended.
  std::function<void(bool all_fine)> on_settled;

  /// Starts nothing more, tells child processes to end, lets running file writes finish, and calls `stopped` when
  /// all is quiet, at the latest within `limit`: children are killed by then, and true means that nothing was
  /// left running. Only a command that asks for it (`stop: wait`) is waited for longer, and that is said.
  void stop(Duration limit, std::move_only_function<void(bool)> stopped);

  /// For an end that waits for nothing: no command outlives it.
  void kill_commands() { spawner_.kill_all(Spawner::Spare::None); }

  report::Summary summary() const;
  /// All that has to be looked at and isn't, by what came first in the graph.
  std::vector<report::Standing> standing() const;
  /// Something failed, or is behind something that did.
  bool has_failures() const;
  /// Something was written that may not be on the disk yet.
  bool has_unsynced() const { return unsynced_.any() || syncing_; }
  const ResourceGraph& graph() const { return *graph_; }
  events::FileWatcher& files() { return files_; }

 private:
  struct Counters {
    std::size_t changed = 0, repaired = 0;
  };

  /// A value that a vertex takes from another one before it runs.
  struct Receive {
    VertexId from = 0;
    Send send;
    SourcePos pos;
  };

  struct Sends {
    std::vector<VertexId> to;
    std::uint32_t outputs = 0;  // see Inputs::sends
  };

  // swap.cc
  void swap();
  bool is_unrealized() const;
  bool begins_anew(const Instance& old) const;
  static bool is_abandoned(const Instance& instance);
  Instance* find_retired(const Declaration& declaration) const;
  std::unique_ptr<Instance> make_instance(std::shared_ptr<const Declaration> declaration, VertexId at);
  void adopt_declaration(Instance& instance);
  std::vector<std::string> semaphores_of(const Declaration& declaration) const;
  void build_schedule(std::vector<Schedule::State> states);
  void refresh_managed_paths(bool mark_views);
  void retire(Instance& instance);

  // edges.cc
  void build_edges();
  void drop_refreshes_of_the_gone();
  void clear_rows(std::vector<std::uint64_t> ids);
  const std::vector<std::string>* notified_by(const Instance& instance) const;
  bool owes(Instance& instance) const {
    return instance.extras_if_any() && !instance.extras_if_any()->owes_to.empty() && !dry(instance);
  }
  void owe_refreshes(Instance& instance, std::move_only_function<void(Result<void>)> then);
  bool wants_undo(const Instance& instance) const;
  static Undo undo_of(Resource& resource);
  void before_change(Instance& instance, std::optional<Undo> undo, std::move_only_function<void(Result<void>)> then);
  Instance* find_receiver(const std::string& id) const;
  void notify_receivers(Instance& instance, const Outcome& outcome);
  void settle_refresh(Instance& instance, bool done);
  void keep_outputs(Instance& instance);
  std::string sender_to(const Instance& instance) const;
  static bool holds_secrets(const Instance& instance);
  static const Declaration& shown_declaration(const Instance& instance);
  std::shared_ptr<const Declaration> with_received(const Instance& instance) const;
  std::vector<const Declaration*> changes_before(const Instance& instance) const;
  bool receive(Instance& instance, Inputs& inputs);

  // engine.cc
  void pump();
  void pump_soon();
  void start(Instance& instance);
  bool arm(Instance& instance);
  void run_inline(Instance& instance, const Inputs& inputs);
  void run_async(Instance& instance, Inputs inputs);
  void run_blocking(Instance& instance, Inputs inputs);
  void apply_blocking(Instance& instance, Inputs inputs, Outcome outcome);

  // stage.cc
  void end_blocking(Instance& instance, Outcome outcome);
  void sync_staged();
  void end_sync_staged(std::vector<std::optional<Error>> errors);
  void finish_staged(Instance& instance, Outcome outcome);
  void drop_staged();

  // engine.cc
  void publish(Instance& instance);
  bool is_to_be_published(const Instance& instance) const;
  void publish_beside(Instance& instance, Outcome outcome);
  void finish(Instance& instance, Outcome outcome);
  void report_change(Instance& instance, Outcome& outcome, bool dry);
  /// `by`: who was the last to change it; null where that isn't known.
  void slow_down(Instance& instance, bool repair, const Process* by);
  /// `rearm_in`: the watch failed, and is tried again then; else `meta: retry` says when.
  void fail(Instance& instance, const Error& error, float seconds, std::optional<Duration> rearm_in,
            const report::Timing& timing = {});
  void end_run(Instance& instance, Schedule::Result result);

  void on_look(Instance& instance, Look look, report::Cause::Why why = report::Cause::Why::Event);
  static std::string take_told(Instance& instance);
  void look_again(Instance& instance, report::Cause::Why why);
  void mark_dirty(Instance& instance, report::Cause::Why why);
  void on_timeout(Instance& instance);
  void hold(Instance& instance);
  void unhold(Instance& instance);
  void arm_poll(Instance& instance);

  // rivals.cc
  bool gives_way(Instance& instance);
  Instance* manager_of(const std::string& path);

  void keep_up();

  // recheck.cc
  bool is_handled() const;
  bool is_rechecked(const Instance& instance) const;
  void recheck(std::size_t begin, std::size_t end);
  void recheck_slowly();
  void tell_who_waits();

  // settle.cc
  void consider();
  void sync_files();
  void sync_is_late(Unsynced::Batch batch);
  void progress();
  void emit_progress();
  bool quiet() const;
  bool nothing_is_to_do() const;
  bool only_hopeless_retries() const;
  void check_stopped();
  void wait_for_commands();
  void end_what_is_left(Duration rest);

  /// Of the run that is on its way.
  bool dry(const Instance& instance) const {
    return options_.noop || instance.declaration->meta->noop || instance.withheld;
  }

  Loop& loop_;
  report::Report& report_;
  Options options_;
  Publisher* publisher_;
  RefreshJournal* journal_;
  UndoJournal* undo_journal_;
  events::FileWatcher files_;
  Spawner spawner_;
  Unsynced unsynced_;
  Services services_;

  std::shared_ptr<const ResourceGraph> graph_;
  std::uint64_t generation_ = 0;
  Schedule schedule_;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<std::unique_ptr<Instance>> retired_;
  std::shared_ptr<const ManagedPaths> managed_;
  /// Who manages which path, once somebody asks; of this generation.
  std::unordered_map<std::string, VertexId> by_path_;
  std::unordered_set<std::string> said_to_give_way_;
  /// What waits to take over from graph_.
  std::shared_ptr<const ResourceGraph> next_;
  bool swap_posted_ = false;

  Refreshes refreshes_;
  /// By sender: the ids of those whom its changes refresh. And where these are.
  std::unordered_map<VertexId, std::vector<std::string>> notifies_;
  std::unordered_map<std::string, VertexId> receivers_;
  /// By receiver, and by sender.
  std::unordered_map<VertexId, std::vector<Receive>> receives_;
  std::unordered_map<VertexId, Sends> sends_;

  Convergence convergence_;
  Loop::Timer converge_timer_;
  Loop::Timer sync_timer_;
  TimePoint unsynced_since_{}, sync_not_before_{};
  Loop::Timer progress_timer_;
  std::optional<RecheckPace> recheck_pace_;
  Loop::Timer recheck_timer_;
  std::vector<std::move_only_function<void()>> waiting_;
  std::size_t retries_due_ = 0;
  std::size_t holding_ = 0;
  bool pumping_ = false;
  bool pump_posted_ = false;
  bool syncing_ = false;
  std::shared_ptr<std::atomic<bool>> sync_has_begun_;
  struct StagedRun {
    Instance* instance;
    Outcome outcome;
  };
  /// Runs that wait for the next sync of their data, and those of the one at work.
  std::vector<StagedRun> staged_, in_staged_sync_;
  bool staged_sync_posted_ = false;
  bool staged_syncing_ = false;
  std::shared_ptr<std::atomic<bool>> staged_sync_has_begun_;
  /// What was warned of in a Delta.
  std::unordered_set<std::string> warned_;
  bool stopping_ = false;
  std::move_only_function<void(bool)> stopped_;
  Loop::Timer stop_timer_;
  Loop::Timer waiting_timer_;
  /// Whose command a stop has waited for: how it ended is still said.
  std::vector<std::string> waited_for_;
  std::size_t running_ = 0;
  unsigned since_drain_ = 0;
  bool changed_since_poll_ = false;
  std::minstd_rand random_;
  Withheld withheld_;
  Counters counters_;
  TimePoint begin_ = Clock::now();
  TimePoint graph_begin_ = begin_;
  bool graph_has_converged_ = false;
  double first_pass_ = 0;  // seconds; see report::Summary
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  // Last: its threads end before what they use.
  Pool pool_;
};

}  // namespace mgmt
