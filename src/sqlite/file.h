// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a SQLite file of ours: made for its owner alone, in WAL mode, of a known format; set aside when damaged.
// Blocking; one thread's. Nothing else in the process may open such a file: POSIX locks end when the process closes it.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <string>

#include "src/base/error.h"

namespace mgmt::sqlite {

/// How long to wait for other processes that write; not at all once `closing` is set (by any thread).
class Patience {
 public:
  Patience(std::chrono::milliseconds limit, const std::atomic<bool>& closing) : limit_(limit), closing_(closing) {}
  /// From now on the connection waits so long. `this` must outlive it.
  void attach(SQLite::Database& db);
  /// Rests a moment; false: that was long enough. `count` grows from 0 with each try of the same thing.
  bool rest(int count);

 private:
  static int on_busy(void* self, int count);

  std::chrono::milliseconds limit_;
  const std::atomic<bool>& closing_;
  std::chrono::steady_clock::time_point busy_since_;
};

bool is_damage(const SQLite::Exception& failure);
/// In words, with a hint where there is one.
Error error_of(const SQLite::Exception& failure, const std::string& path);

/// 0: there is none.
ino_t inode_of(const std::string& path);
/// Makes an empty file (0600) unless there is one; true if it did. Throws Error.
bool create(const std::string& path);
/// PRAGMA user_version; throws Error for one above `known`.
int format_of(SQLite::Database& db, const std::string& path, int known);
/// Write-ahead logging, also while another process asks for it at the same moment.
void set_wal(SQLite::Database& db, Patience& patience);
/// Renames a damaged file and its log, under a lock in the same folder; its new name. "" if another process has set
/// the file with the inode `damaged` aside already. Nobody here may have it open. Throws Error.
std::string set_aside(const std::string& path, ino_t damaged, const std::string& why);

}  // namespace mgmt::sqlite
