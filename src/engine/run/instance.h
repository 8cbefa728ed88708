// SPDX-License-Identifier: GPL-3.0-or-later
// Instance: one vertex at work. Belongs to the engine and lives on the loop's thread; survives swaps in which
// its declaration is equal.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/async/loop.h"
#include "src/engine/converge/rate_limit.h"
#include "src/engine/converge/repair_limit.h"
#include "src/graph/topology.h"
#include "src/resources/resource.h"
#include "src/state/refresh_journal.h"
#include "src/state/undo_journal.h"

namespace mgmt {

class AsyncResource;
struct AsyncRun;

/// What came of one run: a check and, where something differed, an apply.
struct Outcome {
  Delta delta;
  std::optional<Error> error;
  float seconds = 0;
  /// What undoes it, where that is to be kept before the apply.
  std::optional<Undo> undo = {};
  /// The first one with a value that another resource sent.
  bool received = false;
  report::Timing timing = {};
  /// When it ended; what waits for the loop then is no part of it.
  TimePoint end = {};
  /// What is left of the apply.
  std::unique_ptr<Staged> staged = nullptr;
};
/// Its timing as the report has it, as of now.
report::Timing told(const Outcome& outcome);

struct Instance {
  enum class Runs : std::uint8_t { Inline, Blocking, Async, Export };
  /// What came in while it ran.
  enum class Pending : std::uint8_t { Nothing, Entry, Again };

  explicit Instance(std::shared_ptr<const Declaration> d) : declaration(std::move(d)) {}

  std::shared_ptr<const Declaration> declaration;
  std::unique_ptr<Resource> resource;  // null for an export
  Subscriptions subscriptions;
  VertexId at = 0;
  std::uint32_t failures = 0;  // in a row
  std::uint32_t retries_used = 0;
  float first_seconds = 0;
  Runs runs = Runs::Inline;
  Pending pending = Pending::Nothing;
  report::Cause::Why why = report::Cause::Why::First;  // of the next look
  std::uint8_t holds = 0;
  bool running = false;
  bool armed = false;
  bool was_fine = false;      // as declared since its declaration last changed
  bool timed_out = false;     // its job was abandoned, and has not come back
  bool retry_due = false;     // a timer will try again
  bool retired = false;       // its vertex is gone; it ends with its run
  bool published = false;     // to the hosts of `meta: export`
  bool received_new = false;  // a received value has changed since the last run that succeeded
  bool withheld = false;      // the run that is on its way, or was the last, only looks: see Engine::withhold
  bool rearm = false;         // it watches less than it should
  bool refreshing = false;    // the run that is on its way was given a refresh
  /// What the event said that is the reason of the next look; null where that isn't known.
  std::unique_ptr<std::string> told;

  struct Received {
    ParamIndex param = 0;
    Value value;
    /// The sender's output is secret, or was made with a secret.
    bool secret = false;
    friend bool operator==(const Received&, const Received&) = default;
  };

  /// What few instances need.
  struct Extras {
    explicit Extras(Loop& loop) : retry(loop), poll(loop), pause(loop), timeout(loop), limited(loop) {}
    Loop::Timer retry, poll, pause, timeout, limited;
    RepairLimit repairs;
    RateLimit rate;
    /// What its last run gave to others, one for each of Kind::outputs; and what it was given itself.
    std::vector<Value> outputs;
    std::vector<Received> received;
    /// Who sent the newest of it, once it runs.
    std::string sent_by;
    /// Why `pause` runs, for a person.
    std::string paused_for;
    /// Whom the run that is on its way owes a refresh, and what of that is owed since then.
    std::vector<std::string> owes_to;
    std::vector<RefreshRow> owed;
    /// Who changed what the run that is on its way may repair.
    std::shared_ptr<const Process> changed_by;
    std::string last_dry;  // the last Delta that a dry run reported
    std::shared_ptr<AsyncRun> async;
    /// When the job of a blocking run began, as a Clock count; 0 while it waits for a thread.
    std::shared_ptr<std::atomic<Clock::rep>> begun;
    Duration rearm{0};  // the last wait after a watch that failed
    /// In a swap: the running one whose place this takes, and the other way round.
    Instance* waiting_for = nullptr;
    Instance* heir = nullptr;
  };
  Extras& extras(Loop& loop) {
    if (!extras_) extras_ = std::make_unique<Extras>(loop);
    return *extras_;
  }
  Extras* extras_if_any() { return extras_.get(); }
  const Extras* extras_if_any() const { return extras_.get(); }

 private:
  std::unique_ptr<Extras> extras_;
};

}  // namespace mgmt
