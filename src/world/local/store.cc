// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <optional>

#include "src/sqlite/file.h"
#include "src/sqlite/statement.h"

namespace mgmt::world::local {

using namespace sqlite;

namespace {

constexpr int kFormat = 1;
constexpr std::uint64_t kKeepRequests = 10'000;
/// How many own commits lie between two looks at what can be forgotten.
constexpr std::size_t kTidyEvery = 512;

constexpr const char* kSchema = R"(
  CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE kv(key TEXT PRIMARY KEY, value BLOB, n INTEGER NOT NULL);  -- no value: deleted
  CREATE INDEX kv_n ON kv(n);
  CREATE INDEX kv_deleted ON kv(n) WHERE value IS NULL;
  CREATE TABLE request(id TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
)";

/// Where the keys below a prefix end: '0' comes after '/'.
std::string end_of(std::string prefix) {
  prefix.back() = '0';
  return prefix;
}

}  // namespace

struct Store::Open {
  explicit Open(SQLite::Database&& opened) : db(std::move(opened)) {}
  SQLite::Database db;
  ino_t inode = 0;
  std::uint64_t epoch = 0;

  SQLite::Statement begin{db, "BEGIN"}, begin_write{db, "BEGIN IMMEDIATE"}, commit{db, "COMMIT"},
      rollback{db, "ROLLBACK"};
  SQLite::Statement newest{
      db, "SELECT max(coalesce((SELECT max(n) FROM kv), 0), (SELECT value FROM meta WHERE name = 'compacted'))"};
  SQLite::Statement compacted{db, "SELECT value FROM meta WHERE name = 'compacted'"};
  SQLite::Statement page{db,
                         "SELECT key, value, n FROM kv WHERE key > ? AND key < ? AND value IS NOT NULL ORDER BY key"};
  SQLite::Statement changed{
      db, "SELECT key, value, n, value IS NULL FROM kv INDEXED BY kv_n WHERE n > ? AND key > ? AND key < ? ORDER BY n"};
  SQLite::Statement revision_of_key{db, "SELECT n FROM kv WHERE key = ? AND value IS NOT NULL"};
  SQLite::Statement put{db,
                        "INSERT INTO kv(key, value, n) VALUES(?, ?, ?) ON CONFLICT(key) DO UPDATE SET value = "
                        "excluded.value, n = excluded.n"};
  SQLite::Statement remove{db, "UPDATE kv SET value = NULL, n = ? WHERE key = ? AND value IS NOT NULL"};
  SQLite::Statement find_request{db, "SELECT n FROM request WHERE id = ?"};
  SQLite::Statement add_request{db, "INSERT INTO request(id, n) VALUES(?, ?)"};

  Transaction reading() { return {begin, commit, rollback}; }
  Transaction writing() { return {begin_write, commit, rollback}; }

  std::uint64_t newest_revision() {
    Use use(newest);
    use->executeStep();
    return number_at(*use, 0);
  }
  std::uint64_t compacted_revision() {
    Use use(compacted);
    use->executeStep();
    return number_at(*use, 0);
  }
  std::uint64_t set_compacted(std::uint64_t n) {
    SQLite::Statement forget(db, "DELETE FROM kv WHERE value IS NULL AND n <= ?");
    bind(forget, 1, n);
    forget.exec();
    SQLite::Statement note(db, "UPDATE meta SET value = ? WHERE name = 'compacted'");
    bind(note, 1, n);
    note.exec();
    return n;
  }
};

Store::Store(Options options, const std::atomic<bool>& closing)
    : options_(std::move(options)), patience_(options_.patience, closing) {}
Store::~Store() = default;

namespace {

std::uint64_t meta_value(SQLite::Database& db, const char* name) {
  SQLite::Statement get(db, "SELECT value FROM meta WHERE name = ?");
  get.bind(1, name);
  return get.executeStep() ? number_at(get, 0) : 0;
}

void set_meta(SQLite::Database& db, const char* name, std::uint64_t value) {
  SQLite::Statement set(db, "INSERT OR REPLACE INTO meta VALUES(?, ?)");
  set.bind(1, name);
  bind(set, 2, value);
  set.exec();
}

/// Time makes an epoch higher than any that was before, also one that nobody remembers.
std::uint64_t new_epoch(std::uint64_t above) {
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  return std::max(static_cast<std::uint64_t>(now.count()), above + 1);
}

/// Makes what is missing. Several processes may come here at once.
std::uint64_t prepare(SQLite::Database& db, const std::string& path, ino_t inode, std::uint64_t highest_epoch) {
  if (format_of(db, path, kFormat) == kFormat && meta_value(db, "inode") == inode) return meta_value(db, "epoch");
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  if (format_of(db, path, kFormat) == 0) {
    db.exec(kSchema);
    db.exec(fmt::format("PRAGMA user_version = {}", kFormat));
    set_meta(db, "epoch", new_epoch(highest_epoch));
    set_meta(db, "compacted", 0);
    set_meta(db, "inode", inode);
  } else if (meta_value(db, "inode") != inode) {
    set_meta(db, "epoch", new_epoch(meta_value(db, "epoch")));
    set_meta(db, "inode", inode);
  }
  std::uint64_t epoch = meta_value(db, "epoch");
  transaction.commit();
  return epoch;
}

}  // namespace

std::unique_ptr<Store::Open> Store::open_file() {
  create(path());
  ino_t inode = inode_of(path());
  SQLite::Database db(path(), SQLite::OPEN_READWRITE);
  patience_.attach(db);
  format_of(db, path(), kFormat);  // before anything is changed
  set_wal(db, patience_);
  db.exec("PRAGMA synchronous = NORMAL");
  std::uint64_t epoch = prepare(db, path(), inode, highest_epoch_);
  if (epoch < highest_epoch_)
    throw Error(
        fmt::format("{} is older than what was read from it before (epoch {} after {})", path(), epoch, highest_epoch_))
        .hint("it was put back from a copy: stop all agents of this prefix, and start them again");

  auto open = std::make_unique<Open>(std::move(db));
  open->inode = inode;
  open->epoch = highest_epoch_ = epoch;
  // Between the two looks another process may have set the file aside.
  if (inode_of(path()) != inode) throw Error(path() + " was replaced while it was being opened");
  return open;
}

Store::Open& Store::ensure_open() {
  // One stat tells whether another agent has set the file aside, or somebody has put another in its place.
  if (open_ && inode_of(path()) != open_->inode) open_.reset();
  if (!open_) open_ = open_file();
  return *open_;
}

template <class Work>
auto Store::with_open(Work work) {
  for (bool again = false;; again = true) {
    try {
      return work(ensure_open());
    } catch (const SQLite::Exception& failure) {
      if (!is_damage(failure) || again) throw error_of(failure, path());
      set_aside(failure.what());
    }
  }
}

void Store::set_aside(const std::string& why) {
  // Without a connection, nobody knows whether somebody else has set it aside in the meantime: then it is sound.
  ino_t damaged = open_ ? open_->inode : inode_of(path());
  open_.reset();
  std::string aside = sqlite::set_aside(path(), damaged, why);
  if (aside.empty()) return;
  if (options_.warn)
    options_.warn(fmt::format("{} is damaged ({}): set aside as {}, starting with an empty one", path(), why, aside));
}

void Store::read(const std::string& prefix, const std::function<void(Page)>& on_page) {
  with_open([&](Open& open) {
    Transaction transaction = open.reading();
    Page page;
    page.revision = {open.epoch, open.newest_revision()};
    page.last = false;
    std::size_t bytes = 0;
    Use use(open.page);
    use->bind(1, prefix);
    use->bind(2, end_of(prefix));
    while (use->executeStep()) {
      Entry entry{text_at(*use, 0), text_at(*use, 1), {open.epoch, number_at(*use, 2)}};
      std::size_t size = entry.key.size() + entry.value.size();
      if (!page.entries.empty() && bytes + size > options_.page_bytes) {
        Page full = page;
        on_page(std::move(full));
        page.entries.clear();
        bytes = 0;
      }
      bytes += size;
      page.entries.push_back(std::move(entry));
    }
    page.last = true;
    on_page(std::move(page));
  });
}

std::variant<Changes, Compacted> Store::changes(const std::string& prefix, Revision after) {
  return with_open([&](Open& open) -> std::variant<Changes, Compacted> {
    if (after.epoch > open.epoch)
      throw Error(
          fmt::format("{} is of epoch {}, older than what was seen of it ({})", path(), open.epoch, after.epoch));
    Transaction transaction = open.reading();
    if (after.epoch < open.epoch || after.n < open.compacted_revision()) return Compacted{};
    Changes changes{{}, {open.epoch, open.newest_revision()}};
    if (changes.revision.n == after.n) return changes;
    Use use(open.changed);
    bind(*use, 1, after.n);
    use->bind(2, prefix);
    use->bind(3, end_of(prefix));
    while (use->executeStep()) {
      Change change{text_at(*use, 0), {}, {open.epoch, number_at(*use, 2)}};
      if (number_at(*use, 3) == 0) change.value = text_at(*use, 1);
      changes.changes.push_back(std::move(change));
    }
    return changes;
  });
}

Revision Store::revision() {
  return with_open([](Open& open) { return Revision{open.epoch, open.newest_revision()}; });
}

CommitOutcome Store::apply(Open& open, const Commit& commit, std::uint64_t& n) {
  if (!commit.request_id.empty()) {
    Use use(open.find_request);
    use->bind(1, commit.request_id);
    if (use->executeStep()) return Revision{open.epoch, number_at(*use, 0)};
  }
  for (const Condition& condition : commit.conditions) {
    Use use(open.revision_of_key);
    use->bind(1, condition.key);
    std::optional<Revision> found;
    if (use->executeStep()) found = Revision{open.epoch, number_at(*use, 0)};
    if (found != condition.revision) return Conflict{condition.key};
  }
  bool effect = false;
  for (const Put& put : commit.puts) {
    Use use(open.put);
    use->bindNoCopy(1, put.key);
    use->bindNoCopy(2, static_cast<const void*>(put.value.data()), static_cast<int>(put.value.size()));
    bind(*use, 3, n + 1);
    effect |= use->exec() > 0;
  }
  for (const std::string& key : commit.deletes) {
    Use use(open.remove);
    bind(*use, 1, n + 1);
    use->bindNoCopy(2, key);
    effect |= use->exec() > 0;
  }
  if (!effect) return Revision{open.epoch, n};
  ++n;
  if (!commit.request_id.empty()) {
    Use use(open.add_request);
    use->bindNoCopy(1, commit.request_id);
    bind(*use, 2, n);
    use->exec();
  }
  return Revision{open.epoch, n};
}

void Store::forget_old(Open& open, std::uint64_t n) {
  if (++commits_since_tidy_ < kTidyEvery) return;
  commits_since_tidy_ = 0;
  if (n > kKeepRequests) {
    SQLite::Statement forget(open.db, "DELETE FROM request WHERE n <= ?");
    bind(forget, 1, n - kKeepRequests);
    forget.exec();
  }
  SQLite::Statement oldest(open.db, "SELECT n FROM kv WHERE value IS NULL ORDER BY n DESC LIMIT 1 OFFSET ?");
  bind(oldest, 1, options_.keep_deleted);
  if (oldest.executeStep()) open.set_compacted(number_at(oldest, 0));
}

std::vector<CommitOutcome> Store::commit(std::span<const Commit> commits, Fault fault) {
  Unknown lost{Error(path() + ": no answer came (a fault made for a test)")};
  if (fault == Fault::RequestLost) return std::vector<CommitOutcome>(commits.size(), lost);
  return with_open([&](Open& open) {
    std::vector<CommitOutcome> outcomes;
    Transaction transaction = open.writing();
    std::uint64_t n = open.newest_revision();
    for (const Commit& commit : commits) {
      outcomes.push_back(apply(open, commit, n));
      forget_old(open, n);
    }
    try {
      transaction.commit();
    } catch (const SQLite::Exception& failure) {
      // What failed half-way may be found to be whole by the next who opens the file.
      Error error = error_of(failure, path());
      if (failure.getErrorCode() == SQLITE_BUSY) outcomes.assign(commits.size(), Unavailable{error});
      else outcomes.assign(commits.size(), Unknown{error});
    }
    if (fault == Fault::ReplyLost) outcomes.assign(commits.size(), lost);
    return outcomes;
  });
}

void Store::compact() {
  with_open([](Open& open) {
    Transaction transaction = open.writing();
    open.set_compacted(open.newest_revision());
    transaction.commit();
  });
}

}  // namespace mgmt::world::local
