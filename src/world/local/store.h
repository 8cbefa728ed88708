// SPDX-License-Identifier: GPL-3.0-or-later
// Store: the world as a SQLite file (WAL, synchronous=NORMAL) that several processes share. Blocking: lives on
// one thread, LocalWorld's. Opens nothing before the first call.
//
// Each key has one row with its last revision; a deleted one stays as a row without a value, until there are
// too many of these and the oldest are forgotten (compaction). So "what changed after n" is one index range.
//
// A file that is damaged is set aside and a new one begun, in a new epoch. A file that was put back from a copy
// is known by its inode, and gets a new epoch as well. A file of a newer format is left alone.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "src/sqlite/file.h"
#include "src/world/world.h"

namespace mgmt::world::local {

/// For tests: what goes wrong with the next commit. Its outcome is Unknown in both cases.
enum class Fault { None, RequestLost, ReplyLost };

class Store {
 public:
  struct Options {
    /// <prefix>/db, which exists.
    std::string folder;
    std::function<void(std::string)> warn;
    /// How long to wait for other processes' commits.
    std::chrono::milliseconds patience = std::chrono::seconds(5);
    std::size_t keep_deleted = 10'000;
    std::size_t page_bytes = kMaxPageBytes;
  };
  /// Once `closing` is set (by any thread), nothing waits any more.
  Store(Options options, const std::atomic<bool>& closing);
  ~Store();

  // All of these throw an Error where the store can't be had; then nothing has happened.

  /// Calls for each page, the last one included, all from one snapshot.
  void read(const std::string& prefix, const std::function<void(Page)>& on_page);
  std::variant<Changes, Compacted> changes(const std::string& prefix, Revision after);
  Revision revision();
  /// Group commit: in one transaction, but each with an outcome of its own, which a later one sees.
  std::vector<CommitOutcome> commit(std::span<const Commit> commits, Fault fault = Fault::None);
  /// Forgets all deletions: who hasn't seen the present revision must read again.
  void compact();

 private:
  struct Open;
  template <class Work>
  auto with_open(Work work);
  Open& ensure_open();
  std::unique_ptr<Open> open_file();
  void set_aside(const std::string& why);
  std::string path() const { return options_.folder + "/world.db"; }

  CommitOutcome apply(Open& open, const Commit& commit, std::uint64_t& n);
  void forget_old(Open& open, std::uint64_t n);

  Options options_;
  sqlite::Patience patience_;
  std::unique_ptr<Open> open_;
  std::uint64_t highest_epoch_ = 0;
  std::size_t commits_since_tidy_ = 0;
};

}  // namespace mgmt::world::local
