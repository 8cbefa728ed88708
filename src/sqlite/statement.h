// SPDX-License-Identifier: GPL-3.0-or-later
// What SQLiteCpp leaves to be done by hand: statements that are used again and again, 64 bit numbers, texts with zeros.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>

namespace mgmt::sqlite {

inline void bind(SQLite::Statement& statement, int index, std::uint64_t number) {
  statement.bind(index, static_cast<std::int64_t>(number));
}

inline std::uint64_t number_at(const SQLite::Statement& statement, int column) {
  return static_cast<std::uint64_t>(statement.getColumn(column).getInt64());
}

/// Any bytes; "" for NULL.
std::string text_at(const SQLite::Statement& statement, int column);

/// A prepared statement that is ready for the next use when this one ends, however it ends.
class Use {
 public:
  explicit Use(SQLite::Statement& statement) : statement_(statement) {}
  ~Use() { statement_.tryReset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  SQLite::Statement* operator->() { return &statement_; }
  SQLite::Statement& operator*() { return statement_; }

 private:
  SQLite::Statement& statement_;
};

/// Rolls back unless committed. (SQLite::Transaction parses its three statements each time.)
class Transaction {
 public:
  Transaction(SQLite::Statement& begin, SQLite::Statement& commit, SQLite::Statement& rollback)
      : commit_(commit), rollback_(rollback) {
    Use(begin)->exec();
  }
  ~Transaction() {
    if (done_) return;
    Use use(rollback_);
    use->tryExecuteStep();  // fails where SQLite has rolled back already
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    Use(commit_)->exec();
    done_ = true;
  }

 private:
  SQLite::Statement& commit_;
  SQLite::Statement& rollback_;
  bool done_ = false;
};

}  // namespace mgmt::sqlite
