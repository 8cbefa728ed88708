// SPDX-License-Identifier: GPL-3.0-or-later
// Rows: what stands in an agent's file, inside one transaction of Database. Everything here throws SQLite::Exception.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/sqlite/statement.h"
#include "src/state/refresh_journal.h"
#include "src/state/undo_journal.h"

namespace mgmt::state {

using Time = std::chrono::sys_time<std::chrono::microseconds>;
Time now();

/// What earlier runs left to be done.
struct Due {
  std::vector<RefreshRow> rows;  // refreshes, by id
  /// The highest that ever was; 0: none.
  std::uint64_t last_id = 0;
  /// Of resources that have left the graph, and of those that may: in the order in which they were kept.
  std::vector<Undo> undos;
};

/// One line of the history.
struct Entry {
  enum class What : std::uint8_t { Change = 1, Refresh, Failure, Removal, Lost, Approval };
  /// Corrective: nobody asked for another state than the one that was there before; somebody changed the machine.
  enum class Intent : std::uint8_t { None = 0, Intended, Corrective };

  std::int64_t id = 0;
  /// When it ended.
  Time time;
  std::chrono::microseconds duration{0};
  /// What of it the check and the apply took; below 0: not known.
  std::chrono::microseconds check{-1}, apply{-1};
  std::string resource;
  What what = What::Change;
  Intent intent = Intent::None;
  /// Why it was looked at ("event", "refresh"), and the resource that this came from, if one did.
  std::string cause, from;
  /// Of "event": what is known of it, in words.
  std::string event = {};
  /// What had to be fine before, by name; the first kMostBefore of them.
  std::vector<std::string> before = {};
  static constexpr std::size_t kMostBefore = 20;
  /// As to_json(Delta) writes it; "" where nothing changed.
  std::string delta;
  /// Unified diffs of texts: [{"param", "item", "diff"}], or "".
  std::string diff;
  std::string error, hint;
  /// Who made it necessary, if that is known.
  std::string by;
  /// How often the same failure came since it was written of; of Lost, how many entries are missing.
  std::int64_t times = 1;
};

/// What is remembered of a resource, or of an entry that it copied into a tree.
struct Known {
  /// Declaration::id(); of an entry of a tree item_id().
  std::string id, kind;
  /// Of its declaration when it was last fine.
  std::uint64_t fingerprint = 0;
  /// The path that it manages; "" if none.
  std::string path;
  /// We made what it manages: it was not there before.
  bool created = false;
  /// The last graph that began mentions it.
  bool declared = true;
  Time first, last, fine;
  /// What the path held when we left it (see left.h); "" where that isn't known.
  std::string content, identity;
  /// Where it is declared: file:line:column.
  std::string place = {};
};

/// "in file[copy]: sub/a", which no resource is called.
std::string item_id(const std::string& resource, const std::string& item);
bool is_item(const std::string& id);

struct Limits {
  std::chrono::days age{90};
  std::size_t entries = 100'000;
  /// Of the file; what is pruned leaves room in it and doesn't make it smaller.
  std::size_t bytes = std::size_t{64} << 20;
};

class Rows {
 public:
  /// The tables are there.
  explicit Rows(SQLite::Database& db);
  static const char* schema();
  /// Makes the tables of an older format (1, 2) ones of the next.
  static const char* upgrade(int format);

  Due due();
  /// One of that id that is there stays.
  void add(const RefreshRow& row);
  void clear(std::uint64_t id);

  /// One of that id that is there stays.
  void keep(const Undo& undo);
  void drop_undo(const std::string& id);

  void record(const Entry& entry);
  struct Query {
    std::optional<Time> since = {};
    std::string resource = {};  // empty: all
    /// Only what this one caused, empty: all.
    std::string from = {};
    /// Only of this intent, None: all.
    Entry::Intent intent = Entry::Intent::None;
    /// Ids, both left out.
    std::int64_t after = 0, before = INT64_MAX;
    std::size_t limit = SIZE_MAX;
  };
  /// The newest first, until `call` says false.
  void history(const Query& query, const std::function<bool(const Entry&)>& call);
  /// Forgets a part of what is beyond `limits`; true: there is more.
  bool prune(const Limits& limits, Time at);

  std::optional<Known> find(const std::string& id);
  /// The resource of the last graph that manages the path, if one does.
  std::optional<Known> at_path(const std::string& path);
  void remember(const Known& known);
  void forget(const std::string& id);
  /// All that the last graph mentions and that manage a path.
  void each_path(const std::function<void(const Known&)>& call);
  /// All that we made and no graph mentions any more, by id.
  std::vector<Known> orphans();
  /// Sets `declared` of all by what `is` says of their ids and paths.
  void declare(const std::function<bool(const std::string& id, const std::string& path)>& is);

  /// 0 if it was never set.
  std::uint64_t number(const char* name);
  void set_number(const char* name, std::uint64_t value);

 private:
  Entry entry_at(const SQLite::Statement& row) const;

  SQLite::Database& db_;
  SQLite::Statement add_refresh_, clear_refresh_, add_entry_, find_, remember_, number_, set_number_;
};

}  // namespace mgmt::state
