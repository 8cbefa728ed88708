// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/rows.h"

#include <algorithm>

namespace mgmt::state {

using namespace sqlite;

namespace {

/// Rows that one step of pruning takes: short enough for a refresh to come in between.
constexpr int kPruneStep = 1000;

// The history has no index but its ids, which grow with time: a look through all of it takes some ten milliseconds,
// and each entry costs one append.
constexpr const char* kSchema = R"(
  CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE refresh(id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, receiver TEXT NOT NULL);
  CREATE TABLE undo(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, declaration TEXT NOT NULL, secret INTEGER NOT NULL);
  CREATE TABLE history(
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,      -- µs since 1970
    duration INTEGER NOT NULL,  -- µs
    resource TEXT NOT NULL,
    what INTEGER NOT NULL,
    intent INTEGER NOT NULL,
    times INTEGER NOT NULL,
    cause TEXT, "from" TEXT, delta TEXT, diff TEXT, error TEXT, hint TEXT, "by" TEXT,
    "check" INTEGER, apply INTEGER,  -- µs; NULL: not known
    "before" TEXT,                   -- names, each with a line's end
    event TEXT);
  CREATE TABLE resource(
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    fingerprint INTEGER NOT NULL,
    created INTEGER NOT NULL,
    declared INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, fine INTEGER NOT NULL,  -- µs since 1970
    path TEXT, content TEXT, identity TEXT, place TEXT) WITHOUT ROWID;
)";

constexpr const char* kEntryColumns =
    R"(id, time, duration, resource, what, intent, times, cause, "from", delta, diff, error, hint, "by", "check",
       apply, "before", event)";
constexpr const char* kKnownColumns =
    "id, kind, fingerprint, created, declared, first, last, fine, path, content, identity, place";

void bind_time(SQLite::Statement& statement, int index, Time time) {
  statement.bind(index, static_cast<std::int64_t>(time.time_since_epoch().count()));
}

Time time_at(const SQLite::Statement& row, int column) {
  return Time(std::chrono::microseconds(row.getColumn(column).getInt64()));
}

/// "" is stored as NULL, which takes no room. The text outlives the statement's use.
void bind_text(SQLite::Statement& statement, int index, const std::string& text) {
  if (text.empty()) statement.bind(index);
  else statement.bindNoCopy(index, text);
}

std::chrono::microseconds span_at(const SQLite::Statement& row, int column) {
  SQLite::Column span = row.getColumn(column);
  return std::chrono::microseconds(span.isNull() ? -1 : span.getInt64());
}

// One that has a line's end itself is left out.
std::string in_lines(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    if (!name.contains('\n')) out += name + "\n";
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
    names.push_back(text.substr(at, end - at));
  return names;
}

Known known_at(const SQLite::Statement& row) {
  return {.id = text_at(row, 0),
          .kind = text_at(row, 1),
          .fingerprint = number_at(row, 2),
          .path = text_at(row, 8),
          .created = number_at(row, 3) != 0,
          .declared = number_at(row, 4) != 0,
          .first = time_at(row, 5),
          .last = time_at(row, 6),
          .fine = time_at(row, 7),
          .content = text_at(row, 9),
          .identity = text_at(row, 10),
          .place = text_at(row, 11)};
}

}  // namespace

Time now() { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

std::string item_id(const std::string& resource, const std::string& item) { return "in " + resource + ": " + item; }
bool is_item(const std::string& id) { return id.starts_with("in "); }

const char* Rows::schema() { return kSchema; }
const char* Rows::upgrade(int format) {
  if (format == 2) return "ALTER TABLE history ADD COLUMN event TEXT";
  return R"(
    ALTER TABLE history ADD COLUMN "check" INTEGER;
    ALTER TABLE history ADD COLUMN apply INTEGER;
    ALTER TABLE history ADD COLUMN "before" TEXT;
    ALTER TABLE resource ADD COLUMN place TEXT;
    CREATE TABLE undo(
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, declaration TEXT NOT NULL, secret INTEGER NOT NULL);
  )";
}

Rows::Rows(SQLite::Database& db)
    : db_(db),
      add_refresh_(db, "INSERT OR IGNORE INTO refresh(id, sender, receiver) VALUES(?, ?, ?)"),
      clear_refresh_(db, "DELETE FROM refresh WHERE id = ?"),
      add_entry_(db,
                 R"(INSERT INTO history(time, duration, resource, what, intent, times, cause, "from", delta, diff,
                    error, hint, "by", "check", apply, "before", event)
                    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))"),
      find_(db, std::string("SELECT ") + kKnownColumns + " FROM resource WHERE id = ?"),
      remember_(db, std::string("INSERT OR REPLACE INTO resource(") + kKnownColumns +
                        ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      number_(db, "SELECT value FROM number WHERE name = ?"),
      set_number_(db, "INSERT OR REPLACE INTO number VALUES(?, ?)") {}

Due Rows::due() {
  Due found;
  SQLite::Statement row(db_, "SELECT id, sender, receiver FROM refresh ORDER BY id");
  while (row.executeStep()) found.rows.push_back({number_at(row, 0), text_at(row, 1), text_at(row, 2)});
  // What AUTOINCREMENT keeps.
  SQLite::Statement last(db_, "SELECT seq FROM sqlite_sequence WHERE name = 'refresh'");
  if (last.executeStep()) found.last_id = number_at(last, 0);
  SQLite::Statement undo(db_, "SELECT id, declaration, secret FROM undo ORDER BY seq");
  while (undo.executeStep()) found.undos.push_back({text_at(undo, 0), text_at(undo, 1), number_at(undo, 2) != 0});
  return found;
}

void Rows::add(const RefreshRow& row) {
  Use use(add_refresh_);
  bind(*use, 1, row.id);
  use->bindNoCopy(2, row.sender);
  use->bindNoCopy(3, row.receiver);
  use->exec();
}

void Rows::clear(std::uint64_t id) {
  Use use(clear_refresh_);
  bind(*use, 1, id);
  use->exec();
}

void Rows::keep(const Undo& undo) {
  SQLite::Statement row(db_, "INSERT OR IGNORE INTO undo(id, declaration, secret) VALUES(?, ?, ?)");
  row.bindNoCopy(1, undo.id);
  row.bindNoCopy(2, undo.declaration);
  row.bind(3, undo.secret ? 1 : 0);
  row.exec();
}

void Rows::drop_undo(const std::string& id) {
  SQLite::Statement row(db_, "DELETE FROM undo WHERE id = ?");
  row.bindNoCopy(1, id);
  row.exec();
}

void Rows::record(const Entry& entry) {
  Use use(add_entry_);
  bind_time(*use, 1, entry.time);
  use->bind(2, static_cast<std::int64_t>(entry.duration.count()));
  use->bindNoCopy(3, entry.resource);
  use->bind(4, static_cast<int>(entry.what));
  use->bind(5, static_cast<int>(entry.intent));
  use->bind(6, entry.times);
  int column = 7;
  for (const std::string* text :
       {&entry.cause, &entry.from, &entry.delta, &entry.diff, &entry.error, &entry.hint, &entry.by})
    bind_text(*use, column++, *text);
  for (std::chrono::microseconds span : {entry.check, entry.apply}) {
    if (span.count() < 0) use->bind(column++);
    else use->bind(column++, static_cast<std::int64_t>(span.count()));
  }
  std::string before = in_lines(entry.before);
  bind_text(*use, column++, before);
  bind_text(*use, column, entry.event);
  use->exec();
}

Entry Rows::entry_at(const SQLite::Statement& row) const {
  return {.id = row.getColumn(0).getInt64(),
          .time = time_at(row, 1),
          .duration = std::chrono::microseconds(row.getColumn(2).getInt64()),
          .check = span_at(row, 14),
          .apply = span_at(row, 15),
          .resource = text_at(row, 3),
          .what = static_cast<Entry::What>(row.getColumn(4).getInt()),
          .intent = static_cast<Entry::Intent>(row.getColumn(5).getInt()),
          .cause = text_at(row, 7),
          .from = text_at(row, 8),
          .event = text_at(row, 17),
          .before = lines_of(text_at(row, 16)),
          .delta = text_at(row, 9),
          .diff = text_at(row, 10),
          .error = text_at(row, 11),
          .hint = text_at(row, 12),
          .by = text_at(row, 13),
          .times = row.getColumn(6).getInt64()};
}

void Rows::history(const Query& query, const std::function<bool(const Entry&)>& call) {
  SQLite::Statement row(db_, std::string("SELECT ") + kEntryColumns +
                                 " FROM history WHERE time >= ?1 AND (?2 IS NULL OR resource = ?2)"
                                 " AND (?4 IS NULL OR \"from\" = ?4) AND id > ?5 AND id < ?6"
                                 " AND (?7 = 0 OR intent = ?7)"
                                 " ORDER BY id DESC LIMIT ?3");
  bind_time(row, 1, query.since.value_or(Time::min()));
  bind_text(row, 2, query.resource);
  row.bind(3, static_cast<std::int64_t>(std::min<std::size_t>(query.limit, INT64_MAX)));
  bind_text(row, 4, query.from);
  row.bind(5, query.after);
  row.bind(6, query.before);
  row.bind(7, static_cast<int>(query.intent));
  while (row.executeStep())
    if (!call(entry_at(row))) return;
}

bool Rows::prune(const Limits& limits, Time at) {
  std::int64_t first = db_.execAndGet("SELECT coalesce(min(id), 0) FROM history").getInt64();
  std::int64_t last = db_.execAndGet("SELECT coalesce(max(id), 0) FROM history").getInt64();
  if (first == 0) return false;
  // Ids have no gaps: only the oldest ever go.
  std::int64_t keep = std::max(first, last - static_cast<std::int64_t>(limits.entries) + 1);
  SQLite::Statement fresh(db_, "SELECT id FROM history WHERE time >= ? ORDER BY id LIMIT 1");
  bind_time(fresh, 1, at - limits.age);
  keep = std::max(keep, fresh.executeStep() ? fresh.getColumn(0).getInt64() : last + 1);
  std::int64_t used =
      (db_.execAndGet("PRAGMA page_count").getInt64() - db_.execAndGet("PRAGMA freelist_count").getInt64()) *
      db_.execAndGet("PRAGMA page_size").getInt64();
  if (used > static_cast<std::int64_t>(limits.bytes)) keep = std::max(keep, first + (last - first) / 10 + 1);
  SQLite::Statement drop(db_, "DELETE FROM history WHERE id < ?");
  drop.bind(1, std::min(keep, first + kPruneStep));
  drop.exec();
  return keep > first + kPruneStep;
}

std::optional<Known> Rows::find(const std::string& id) {
  Use use(find_);
  use->bindNoCopy(1, id);
  if (!use->executeStep()) return std::nullopt;
  return known_at(*use);
}

std::optional<Known> Rows::at_path(const std::string& path) {
  SQLite::Statement row(db_, std::string("SELECT ") + kKnownColumns + " FROM resource WHERE path = ? AND declared");
  row.bind(1, path);
  return row.executeStep() ? std::optional(known_at(row)) : std::nullopt;
}

void Rows::remember(const Known& known) {
  Use use(remember_);
  use->bindNoCopy(1, known.id);
  use->bindNoCopy(2, known.kind);
  bind(*use, 3, known.fingerprint);
  use->bind(4, known.created ? 1 : 0);
  use->bind(5, known.declared ? 1 : 0);
  bind_time(*use, 6, known.first);
  bind_time(*use, 7, known.last);
  bind_time(*use, 8, known.fine);
  bind_text(*use, 9, known.path);
  bind_text(*use, 10, known.content);
  bind_text(*use, 11, known.identity);
  bind_text(*use, 12, known.place);
  use->exec();
}

void Rows::forget(const std::string& id) {
  SQLite::Statement drop(db_, "DELETE FROM resource WHERE id = ?");
  drop.bind(1, id);
  drop.exec();
}

void Rows::each_path(const std::function<void(const Known&)>& call) {
  SQLite::Statement row(db_,
                        std::string("SELECT ") + kKnownColumns + " FROM resource WHERE path IS NOT NULL AND declared");
  while (row.executeStep()) call(known_at(row));
}

std::vector<Known> Rows::orphans() {
  SQLite::Statement row(
      db_, std::string("SELECT ") + kKnownColumns + " FROM resource WHERE created AND NOT declared ORDER BY id");
  std::vector<Known> found;
  while (row.executeStep()) found.push_back(known_at(row));
  return found;
}

void Rows::declare(const std::function<bool(const std::string&, const std::string&)>& is) {
  std::vector<std::pair<std::string, bool>> differ;
  SQLite::Statement row(db_, "SELECT id, declared, path FROM resource");
  while (row.executeStep()) {
    std::string id = text_at(row, 0);
    bool declared = is(id, text_at(row, 2));
    if (declared != (number_at(row, 1) != 0)) differ.emplace_back(std::move(id), declared);
  }
  SQLite::Statement set(db_, "UPDATE resource SET declared = ? WHERE id = ?");
  for (const auto& [id, declared] : differ) {
    set.bind(1, declared ? 1 : 0);
    set.bindNoCopy(2, id);
    set.exec();
    set.reset();
  }
}

std::uint64_t Rows::number(const char* name) {
  Use use(number_);
  use->bind(1, name);
  return use->executeStep() ? number_at(*use, 0) : 0;
}

void Rows::set_number(const char* name, std::uint64_t value) {
  Use use(set_number_);
  use->bind(1, name);
  bind(*use, 2, value);
  use->exec();
}

}  // namespace mgmt::state
