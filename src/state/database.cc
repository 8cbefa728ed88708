// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/database.h"

#include <SQLiteCpp/Backup.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

#include "src/base/fd.h"
#include "src/base/folder.h"
#include "src/base/path.h"

namespace mgmt::state {

using namespace sqlite;

namespace {

constexpr int kFormat = 3;
/// Pages of 4 KiB in the log before they go to the file: a first run of ten thousand resources stays below.
constexpr int kCheckpointPages = 4000;
/// KiB of the file that are kept in memory: what is written is an end of it, and SQLite's own 2 MB fill with old ones.
constexpr int kCache = 512;
/// A number: the file itself has been synced, and the folders that lead to it.
constexpr const char* kOnDisk = "on disk";

void sync_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) throw Error::system(errno, "syncing " + path);
}

// A file of an older mgmt.
void upgrade(SQLite::Database& db, const std::string& path) {
  if (format_of(db, path, kFormat) == kFormat) return;
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  for (int format = format_of(db, path, kFormat); format < kFormat; ++format) {
    db.exec(Rows::upgrade(format));
    db.exec(fmt::format("PRAGMA user_version = {}", format + 1));
  }
  transaction.commit();
}

}  // namespace

struct Database::Open {
  explicit Open(SQLite::Database&& opened) : db(std::move(opened)) {}
  SQLite::Database db;
  ino_t inode = 0;
  When synchronous = When::Soon;
  bool on_disk = false;
  Rows rows{db};
  SQLite::Statement begin{db, "BEGIN"}, begin_write{db, "BEGIN IMMEDIATE"}, commit{db, "COMMIT"},
      rollback{db, "ROLLBACK"};
};

Database::Database(Options options, const std::atomic<bool>& closing)
    : options_(std::move(options)), patience_(options_.patience, closing) {}
Database::~Database() = default;

std::unique_ptr<Database::Open> Database::open_file() {
  const std::string& path = options_.path;
  ensure_private_folder(parent_path(path));
  create(path);
  ino_t inode = inode_of(path);
  SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX);
  patience_.attach(db);
  bool is_new = format_of(db, path, kFormat) == 0;
  // A new file is synced with the first thing that has to be (ensure_on_disk): what isn't there after a power loss is
  // an empty file again.
  if (is_new) db.exec("PRAGMA synchronous = OFF");
  set_wal(db, patience_);
  db.exec("PRAGMA synchronous = NORMAL");
  db.exec(fmt::format("PRAGMA cache_size = -{}", kCache));
  db.exec(fmt::format("PRAGMA wal_autocheckpoint = {}", kCheckpointPages));
  // The end of a run doesn't wait for the disk: the log is carried over by a later one.
  ::sqlite3_db_config(db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (is_new) {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    if (format_of(db, path, kFormat) == 0) {
      db.exec(Rows::schema());
      db.exec(fmt::format("PRAGMA user_version = {}", kFormat));
    }
    transaction.commit();
  }
  upgrade(db, path);
  auto open = std::make_unique<Open>(std::move(db));
  open->inode = inode;
  open->on_disk = open->rows.number(kOnDisk) != 0;
  if (inode_of(path) != inode) throw Error(path + " was replaced while it was being opened");
  return open;
}

// A log is worth nothing without its file: SQLite drops one that belongs to an empty file.
void Database::ensure_on_disk() {
  if (open_->on_disk) return;
  open_->db.exec("PRAGMA wal_checkpoint(PASSIVE)");  // syncs the log, writes the file, syncs it
  std::string folder = parent_path(options_.path);
  for (int levels = 0; levels < 3; ++levels, folder = parent_path(folder)) sync_folder(folder);  // agent, db, prefix
  open_->rows.set_number(kOnDisk, 1);
  open_->on_disk = true;
}

void Database::set_synchronous(When when) {
  if (open_->synchronous == when) return;
  open_->db.exec(when == When::Durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  open_->synchronous = when;
}

void Database::write(const std::function<void(Rows&)>& work, When when) {
  for (bool again = false;; again = true) {
    try {
      // Somebody may have put another file in its place.
      if (open_ && inode_of(options_.path) != open_->inode) open_.reset();
      if (!open_) open_ = open_file();
      set_synchronous(when);
      if (when == When::Durable) ensure_on_disk();
      Transaction transaction(open_->begin_write, open_->commit, open_->rollback);
      work(open_->rows);
      transaction.commit();
      return;
    } catch (const SQLite::Exception& failure) {
      if (!is_damage(failure) || again) throw error_of(failure, options_.path);
      set_aside(failure.what());
    }
  }
}

bool Database::read(const std::function<void(Rows&)>& work) {
  for (bool again = false;; again = true) {
    if (!exists()) return false;
    try {
      if (open_ && inode_of(options_.path) != open_->inode) open_.reset();
      if (!open_) open_ = open_file();
      Transaction transaction(open_->begin, open_->commit, open_->rollback);
      work(open_->rows);
      transaction.commit();
      return true;
    } catch (const SQLite::Exception& failure) {
      if (!is_damage(failure) || again) throw error_of(failure, options_.path);
      set_aside(failure.what());
    }
  }
}

void Database::set_aside(const std::string& why) {
  ino_t damaged = open_ ? open_->inode : inode_of(options_.path);
  open_.reset();
  std::string aside = sqlite::set_aside(options_.path, damaged, why);
  if (!aside.empty() && options_.warn)
    options_.warn(
        fmt::format("{} is damaged ({}): set aside as {}, starting with an empty one: refreshes that were due "
                    "are forgotten",
                    options_.path, why, aside));
}

bool read_database(const std::string& path, const std::function<void(Rows&)>& work) {
  if (inode_of(path) == 0) {
    if (::access(path.c_str(), F_OK) != 0 && errno != ENOENT && errno != ENOTDIR)
      throw Error::system(errno, "opening " + path);
    return false;
  }
  try {
    std::atomic<bool> closing = false;
    Patience patience(std::chrono::seconds(5), closing);
    SQLite::Database db(path, SQLite::OPEN_READONLY);
    patience.attach(db);
    // Made, and nothing in it yet.
    int format = format_of(db, path, kFormat);
    if (format == 0) return false;
    if (format == kFormat) {
      Rows rows(db);
      db.exec("BEGIN");
      work(rows);
      return true;
    }
    // Not ours to change: a copy is.
    SQLite::Database copy(":memory:", SQLite::OPEN_READWRITE);
    SQLite::Backup(copy, db).executeStep();
    upgrade(copy, path);
    Rows rows(copy);
    work(rows);
    return true;
  } catch (const SQLite::Exception& failure) {
    throw error_of(failure, path);
  }
}

}  // namespace mgmt::state
