// SPDX-License-Identifier: GPL-3.0-or-later
// World: what agents share, an ordered key/value store, whatever stands behind it (local: SQLite; etcd).
//
// Keys are /v1/<area>/<writer>/... (see key.h); a prefix ends with a slash, so that web1 is no prefix of
// web10. Everything is called on the loop's thread and answers there, later, never from within the call.
// Destroying a World drops what has not been answered; destroying a Watch or Presence ends it.
//
//   world.read("/v1/exports/", [](Result<Page> page) { ... });      // page by page, at one revision
//   watch = world.watch("/v1/exports/", revision, [](const WatchEvent& event) { ... });
//   world.commit({.puts = {{key, "v"}}, .request_id = new_request_id()}, [](CommitOutcome outcome) { ... });
#pragma once

#include <sys/types.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/error.h"

namespace mgmt::world {

/// A moment of the store. A store that was restored or recovered starts a new, higher epoch.
struct Revision {
  std::uint64_t epoch = 0;
  std::uint64_t n = 0;
  friend auto operator<=>(const Revision&, const Revision&) = default;
};

struct Entry {
  std::string key;
  std::string value;
  /// Of the commit that wrote it last.
  Revision revision;
};

/// A part of what was read, in the order of the keys. All pages of one read show the same revision.
struct Page {
  std::vector<Entry> entries;
  Revision revision;
  bool last = true;
};

struct Change {
  std::string key;
  /// None: deleted.
  std::optional<std::string> value;
  Revision revision;
};

/// All that changed below the prefix up to `revision`, by revision, a commit never in two parts. A key that
/// changed several times may show only its last change.
struct Changes {
  std::vector<Change> changes;
  Revision revision;
};

/// Deletions since `after` are forgotten, or a new epoch began: read again, and watch from there. The watch is over.
struct Compacted {};

/// An Error: the store can't be read, or is of a lower epoch than `after`. The watch is over.
using WatchEvent = std::variant<Changes, Compacted, Error>;

/// The key was last written at exactly this revision; none: there is no such key.
struct Condition {
  std::string key;
  std::optional<Revision> revision;
};

struct Put {
  std::string key;
  std::string value;
};

/// All of it happens, at one revision, or nothing. A key stands at most once in puts and deletes together;
/// deleting what isn't there is fine. Without any effect it makes no revision.
struct Commit {
  std::vector<Condition> conditions = {};
  std::vector<Put> puts = {};
  std::vector<std::string> deletes = {};
  /// Makes repeating it after Unknown harmless: the first effect is the only one. Kept for the last ten
  /// thousand revisions. Empty: not repeatable.
  std::string request_id = {};
};

/// Keys and values of all operations together.
constexpr std::size_t kMaxCommitBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxCommitOperations = 128;
constexpr std::size_t kMaxKeyBytes = 4096;
/// What a page holds at most, unless one entry alone is larger.
constexpr std::size_t kMaxPageBytes = std::size_t{1} << 20;

/// A condition didn't hold.
struct Conflict {
  std::string key;
};
/// It did not happen: the store can't be had now.
struct Unavailable {
  Error cause;
};
/// It may have happened: repeat it with the same request id.
struct Unknown {
  Error cause;
};
/// It will never happen: over a limit, or a key that is none.
struct Refused {
  Error cause;
};
using CommitOutcome = std::variant<Revision, Conflict, Unavailable, Unknown, Refused>;

/// Why a commit is refused by any implementation, if it is.
std::optional<Error> refusal(const Commit& commit);
/// Why this is no prefix to read or watch, if it is none.
std::optional<Error> bad_prefix(std::string_view prefix);
/// 128 random bits in hex.
std::string new_request_id();

/// Who has a name that was to be claimed; `pid` is 0 where it can't be told.
struct Holder {
  pid_t pid = 0;
  std::chrono::system_clock::time_point since;
  std::string command;
};

class Watch {
 public:
  virtual ~Watch() = default;
};

/// A name that is ours; others see it go when this is destroyed, or when the process ends in any way.
class Presence {
 public:
  virtual ~Presence() = default;
};
using Claim = std::variant<std::unique_ptr<Presence>, Holder>;

class World {
 public:
  using ReadCall = std::move_only_function<void(Result<Page>)>;
  using WatchCall = std::function<void(const WatchEvent&)>;
  using CommitCall = std::move_only_function<void(CommitOutcome)>;
  using ClaimCall = std::move_only_function<void(Result<Claim>)>;
  /// The names that are present, sorted.
  using PresenceCall = std::function<void(const std::vector<std::string>&)>;

  virtual ~World() = default;

  /// Calls for each page up to the one that is `last`, or once with an Error, which ends it.
  virtual void read(std::string prefix, ReadCall call) = 0;
  /// Calls with what changed after that revision, until Compacted or an Error.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(std::string prefix, Revision after, WatchCall call) = 0;
  virtual void commit(Commit commit, CommitCall call) = 0;

  virtual void claim(std::string name, ClaimCall call) = 0;
  /// Calls once with who is present, and at each change.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch_presence(PresenceCall call) = 0;
};

}  // namespace mgmt::world
