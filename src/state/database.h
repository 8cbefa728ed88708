// SPDX-License-Identifier: GPL-3.0-or-later
// Database: the file of one agent, SQLite in WAL mode. Blocking; lives on one thread. Opens nothing before the first
// call. One agent writes it; others may read it at the same time.
//
// A file that is damaged is set aside and a new one begun; one of a newer format is left alone. After a crash of the
// process nothing that was committed is lost; after one of the machine nothing that was committed as Durable.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "src/sqlite/file.h"
#include "src/state/rows.h"

namespace mgmt::state {

class Database {
 public:
  struct Options {
    /// Absolute; its folder is made (0700) if missing.
    std::string path;
    std::function<void(std::string)> warn = {};
    /// How long to wait for another process.
    std::chrono::milliseconds patience = std::chrono::seconds(5);
  };
  /// Once `closing` is set (by any thread), nothing waits any more.
  Database(Options options, const std::atomic<bool>& closing);
  ~Database();

  bool exists() const { return sqlite::inode_of(options_.path) != 0; }

  /// Durable: on the disk when the call returns (synchronous=FULL: the log is synced with each commit). Soon: written
  /// to the log and synced some time later, as it is good enough for what a power loss may take.
  enum class When { Durable, Soon };
  /// Carries out `work` in one transaction; twice if the file was found to be damaged. Throws Error; then nothing of it
  /// has happened.
  void write(const std::function<void(Rows&)>& work, When when);
  /// The same without writing, and without making a file: false if there is none. Sees one moment.
  bool read(const std::function<void(Rows&)>& work);

 private:
  struct Open;
  std::unique_ptr<Open> open_file();
  void ensure_on_disk();
  void set_aside(const std::string& why);
  void set_synchronous(When when);

  Options options_;
  sqlite::Patience patience_;
  std::unique_ptr<Open> open_;
};

/// For who only reads, beside an agent or without one; never changes the file. False if there is none. Throws Error.
bool read_database(const std::string& path, const std::function<void(Rows&)>& work);

}  // namespace mgmt::state
