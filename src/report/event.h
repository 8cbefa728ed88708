// SPDX-License-Identifier: GPL-3.0-or-later
// The vocabulary of what happens. Everything that a person or a program learns of a run is one of these.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "src/base/process.h"
#include "src/value/delta.h"

namespace mgmt::report {

/// A graph begins to act: the first, or a swapped one.
struct GraphStarted {
  std::string name;
  std::uint64_t generation = 1;
  std::size_t resources = 0;
  std::size_t edges = 0;
  /// Against the graph before: 0 for the first.
  std::size_t kept = 0, added = 0, changed = 0, removed = 0;
};

/// Why a resource is looked at.
struct Cause {
  enum class Why { First, Event, Poll, Retry, Refresh, Received, Declared, Recheck, Resumed } why = Why::First;
  /// The resource that refreshes or sends; else empty.
  std::string from = {};
  /// Of Event: what is known of it, "/etc/motd was written (CLOSE_WRITE)"; empty where nothing is.
  std::string event = {};
};

/// How a run of a resource went, for a trace; what isn't known stays as it is here.
struct Timing {
  /// 0: the loop's thread; n: the pool's n-th; -1: not known.
  int worker = -1;
  /// The process that did it, 0: none.
  std::int64_t child = 0;
  /// Seconds of the check and the apply; below 0: not known. What is left of `seconds` was waited between them.
  double check = -1, apply = -1;
  /// It ended so many seconds before it was told.
  double ago = 0;
};

/// What keeps a resource that has to be looked at from that.
struct Standing {
  enum class Is {
    Waiting,  // something before it runs, or is waiting itself
    Blocked,  // something before it failed
    Held,     // it is left alone for a while
  } is = Is::Waiting;
  std::string resource;
  /// The one before it; of Held: "".
  std::string by = {};
  /// Of Held, in words.
  std::string why = {};
};

/// A resource begins to be checked (and, outside a dry run, applied).
struct Started {
  std::string resource;
  Cause cause = {};
};

/// A check that found something different, and what came of it.
struct Changed {
  std::string resource;
  std::shared_ptr<const Delta> delta;
  /// The machine had been right before and was changed by somebody else: a drift that was repaired.
  bool repair = false;
  /// Noop: only said, not done.
  bool dry = false;
  double seconds = 0;
  Timing timing = {};
  /// Of a repair: who made it necessary. Null where that isn't known.
  std::shared_ptr<const Process> by = nullptr;
};

/// A check that found all as declared. Closes a Started.
struct Fine {
  std::string resource;
  double seconds = 0;
  Timing timing = {};
};

struct Failed {
  std::string resource;
  std::string place;  // file:line:column of its declaration
  std::string error;
  std::string hint;
  /// When it is tried again by itself, in seconds; negative: not before the next event.
  double retry_in = -1;
  double seconds = 0;
  /// How often in a row it has failed, this one included.
  std::uint32_t times = 1;
  Timing timing = {};
};

/// A line that a command printed, or the text of a print resource.
struct Output {
  std::string resource;
  std::string line;
  enum class Stream { Stdout, Stderr, Print } stream = Stream::Stdout;
};

/// Worth knowing, not about the outcome of one resource.
struct Notice {
  enum class Level { Debug, Info, Warning, Error } level = Level::Info;
  std::string text;
  std::string hint = {};
  /// Of what is said of a graph's file: file:line:column, and the line with its mark, printable.
  std::string place = {};
  std::string excerpt = {};
};

/// Nothing is left to do, for as long as was asked: all is as declared.
struct Converged {
  std::uint64_t generation = 1;
  /// The first time of this graph: what it took from its start, and what is watched from now on if the run goes on.
  double seconds = 0;
  bool watches = false;
  std::size_t watched = 0, polled = 0;
};
/// Nothing is left to do, but some resources failed or are blocked by ones that did.
struct Settled {
  std::size_t failed = 0, blocked = 0;
};
/// What was written is on the disk.
struct Durable {};

/// Counts, for the line of progress. Sent often; only the latest matters.
struct Progress {
  std::size_t resources = 0, done = 0, running = 0, failed = 0;
  std::vector<std::string> running_now = {};  // a few of them
};

/// The end of a run.
struct Summary {
  std::size_t resources = 0, changed = 0, repaired = 0, failed = 0, blocked = 0;
  /// What differs now, and was left so by a pause or a hold.
  std::size_t withheld = 0;
  bool dry = false;
  double elapsed = 0;     // seconds
  double serial = 0;      // the sum of what each resource's first run took
  double critical = 0;    // the longest chain of them
  double first_pass = 0;  // from the start until each resource had run once; 0: not known
  std::vector<std::string> critical_path = {};
  /// "converged", "settled with failures", "stopped by SIGTERM", "--max-runtime reached"
  std::string outcome;
};

using Body = std::variant<GraphStarted, Started, Changed, Fine, Failed, Output, Notice, Converged, Settled, Durable,
                          Progress, Summary>;

struct Event {
  std::chrono::system_clock::time_point time;
  Body body;
};

}  // namespace mgmt::report
