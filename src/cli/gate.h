// SPDX-License-Identifier: GPL-3.0-or-later
// Gate: before a graph takes over, whether what it would do is within its limits: not more than 20 removals, or as
// `limits:` says. If it isn't, nothing of it is done, what it would do is said, and it waits: for somebody to say yes
// (`mgmt approve`), or for the next graph.
//
//   gate.consider(graph, [=] { engine.load(graph); });    // at once, or later, or never
//
// What a dry run can't foretell is held to the same limits when it comes to be done: see `approve`. What drifts once
// all has settled isn't counted. On the loop's thread, but for `approve`.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/cli/preview.h"
#include "src/report/report.h"
#include "src/resources/resource_graph.h"

namespace mgmt::cli {

class Gate {
 public:
  struct Options {
    /// Nothing is done anyway: only what is protected is told of.
    bool noop = false;
    /// A saved plan was read by somebody before it is applied: nothing is counted.
    bool planned = false;
    /// Instead of the graph's own limit and of the default.
    std::optional<std::uint64_t> allow_removals = {};
    /// "mgmt approve", with what it takes to reach this agent; empty: it can't be asked.
    std::string how = {};
    std::string store_folder = {};
  };
  Gate(Loop& loop, report::Report& report, Options options, std::function<const ResourceGraph&()> running)
      : loop_(loop), report_(report), options_(std::move(options)), running_(std::move(running)) {}
  ~Gate();

  /// The next graph: one that is still considered, or waits, is forgotten. `go` is called once it may take over.
  void consider(std::shared_ptr<const ResourceGraph> next, std::function<void()> go);
  /// Called when a graph begins to wait; the text is why, in short.
  std::function<void(const std::string& why)> on_wait;
  /// Called when what was refused while it ran may be tried again.
  std::function<void()> on_retry;

  /// A graph is being considered.
  bool busy() const { return preview_ != nullptr; }
  /// Nothing of the last swap is left to do.
  void settled();
  /// For Engine::Options. From any thread.
  std::optional<Error> approve(const Declaration& declaration, const Delta& delta);

  /// What somebody says yes to.
  struct Yes {
    std::string plan, graph;
    std::uint64_t removals = 0, changes = 0;
    std::vector<std::string> protected_paths;
  };
  /// Somebody says yes to what waits, if it is the one that he means; "" is whichever.
  Result<Yes> say_yes(const std::string& plan);
  /// {"plan", "graph", "why", "removals", "changes", "removes": [...], "protected": [...]}; "" if nothing waits.
  std::string waiting() const;

  /// Ends what still looks; then calls `ended`, with false if a thread is stuck.
  void stop(std::move_only_function<void(bool)> ended);

 private:
  struct Allowed {
    std::uint64_t removals = 0, changes = UINT64_MAX;
    std::set<std::string> protected_paths;
    bool covers(const Preview::Result& result) const;
  };
  struct Candidate {
    std::shared_ptr<const ResourceGraph> graph;
    std::function<void()> go;
    /// What somebody has said yes to.
    Allowed allowed;
    std::vector<VertexId> scope;
  };
  struct Waiting {
    Candidate candidate;
    Preview::Result result;
    std::string plan, why;
  };
  /// What is held to the limits while it is done.
  struct Watched {
    Allowed allowed;
    std::shared_ptr<const Protection> protection;
    struct Done {
      std::uint64_t removals = 0, changes = 0;
      bool refused = false;
    };
    /// By resource: those that the swap looks at anew.
    std::map<std::string, Done> fresh;
    std::set<std::string> refused_paths;
    std::uint64_t sum(std::uint64_t Done::* what, const std::string& but) const;
  };

  Allowed allowed_of(const ResourceGraph& graph) const;
  void look();
  void looked(Preview::Result result);
  void admit(Candidate candidate);
  void wait(Preview::Result result);
  void drop_preview();
  std::string why(const Preview::Result& result, const Allowed& allowed) const;
  void tell(const Waiting& waiting);

  Loop& loop_;
  report::Report& report_;
  Options options_;
  std::function<const ResourceGraph&()> running_;
  std::optional<Candidate> candidate_;
  std::unique_ptr<Preview> preview_;
  std::vector<std::unique_ptr<Preview>> ending_;
  bool stuck_ = false;
  std::move_only_function<void(bool)> ended_;
  std::optional<Waiting> waiting_;
  std::string told_;  // the last plan that was told of
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::atomic<bool> watches_ = false;
  std::mutex mutex_;
  Watched watched_;  // with mutex_
};

}  // namespace mgmt::cli
