// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/sqlite/file.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/sqlite/statement.h"

namespace mgmt::sqlite {

namespace {

// Nobody asks SQLite how much memory it has, which costs a lock with each piece of it. Before anything is opened.
[[maybe_unused]] const int kNoStatistics = ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

}  // namespace

std::string text_at(const SQLite::Statement& statement, int column) {
  SQLite::Column value = statement.getColumn(column);
  const void* bytes = value.getBlob();
  return bytes ? std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(value.getBytes()))
               : std::string();
}

void Patience::attach(SQLite::Database& db) { ::sqlite3_busy_handler(db.getHandle(), &Patience::on_busy, this); }

int Patience::on_busy(void* self, int count) { return static_cast<Patience*>(self)->rest(count) ? 1 : 0; }

/// SQLite's own handler rests 1 to 100 ms, where a commit of another process takes a tenth of one.
bool Patience::rest(int count) {
  auto now = std::chrono::steady_clock::now();
  if (count == 0) busy_since_ = now;
  if (closing_ || now - busy_since_ > limit_) return false;
  std::this_thread::sleep_for(std::chrono::microseconds(std::min(50 + count * 50, 2000)));
  return true;
}

bool is_damage(const SQLite::Exception& failure) {
  return failure.getErrorCode() == SQLITE_CORRUPT || failure.getErrorCode() == SQLITE_NOTADB;
}

Error error_of(const SQLite::Exception& failure, const std::string& path) {
  Error error(fmt::format("{}: {}", path, failure.what()));
  switch (failure.getErrorCode()) {
    case SQLITE_BUSY: return std::move(error).hint("other agents are writing all the time, or one of them is stopped");
    case SQLITE_FULL: return std::move(error).hint("make room on the file system");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: return std::move(error).hint("choose another prefix with --prefix, or --tmp-prefix");
    default: return error;
  }
}

ino_t inode_of(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

bool create(const std::string& path) {
  // Created here for its mode; only if it is new: to close a file that this process has open in SQLite
  // would drop SQLite's locks (POSIX).
  if (int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600); created >= 0) {
    Fd{created}.reset();
    return true;
  }
  if (errno == EEXIST) return false;
  throw Error::system(errno, "creating " + path).hint("choose another prefix with --prefix, or --tmp-prefix");
}

int format_of(SQLite::Database& db, const std::string& path, int known) {
  int format = db.execAndGet("PRAGMA user_version").getInt();
  if (format > known)
    throw Error(fmt::format("{} was made by a newer mgmt (format {}, this one knows {})", path, format, known))
        .hint("use that version, or another prefix with --prefix, or --tmp-prefix");
  return format;
}

void set_wal(SQLite::Database& db, Patience& patience) {
  for (int count = 0;; ++count) {
    try {
      db.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (const SQLite::Exception& failure) {
      // SQLite doesn't ask its busy handler when two processes change the mode of a new file at once.
      if (failure.getErrorCode() != SQLITE_BUSY || !patience.rest(count)) throw;
    }
  }
}

std::string set_aside(const std::string& path, ino_t damaged, const std::string& why) {
  std::string lock_path = parent_path(path) + "/lock";
  Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) throw Error::system(errno, "opening " + lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(path + " is damaged; another agent is about to set it aside");
  if (inode_of(path) != damaged) return "";

  std::string aside =
      fmt::format("{}.damaged-{:%Y%m%dT%H%M%S}Z-{}", path, fmt::gmtime(std::chrono::system_clock::now()), damaged);
  // Its log first: a new file must never find the old one's.
  for (const char* part : {"-wal", "-shm", ""}) {
    if (::rename((path + part).c_str(), (aside + part).c_str()) != 0 && errno != ENOENT)
      throw Error::system(errno, fmt::format("{} is damaged ({}); setting it aside", path + part, why));
  }
  return aside;
}

}  // namespace mgmt::sqlite
