// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/agent_state.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "src/async/test.h"
#include "src/base/fd.h"
#include "src/testing/no_threads.h"

namespace mgmt::state {
namespace {

using namespace std::chrono_literals;
using namespace test;
namespace fs = std::filesystem;

class AgentStateTest : public testing::Test {
 protected:
  AgentState::Options options() {
    return {.prefix = folder_.path() + "/prefix", .name = "web1", .warn = [this](std::string text) {
              warnings_.push_back(std::move(text));
            }};
  }
  std::string db() const { return folder_.path() + "/prefix/db/agent/web1.db"; }

  Result<void> add(AgentState& state, std::vector<RefreshRow> rows) {
    std::optional<Result<void>> outcome;
    state.add(std::move(rows), [&](Result<void> got) { outcome = std::move(got); });
    if (!run_until(loop_, [&] { return outcome.has_value(); })) return std::unexpected(Error("no answer"));
    return *outcome;
  }
  Result<Due> load(AgentState& state) {
    std::optional<Result<Due>> found;
    state.load([&](Result<Due> got) { found = std::move(got); });
    if (!run_until(loop_, [&] { return found.has_value(); })) return std::unexpected(Error("no answer"));
    return *found;
  }
  std::vector<std::string> resources() {
    std::vector<std::string> found;
    read_database(db(), [&](Rows& rows) {
      found.clear();
      rows.history({}, [&](const Entry& entry) {
        found.push_back(entry.resource);
        return true;
      });
    });
    return found;
  }
  std::string damage() {
    SQLite::Database file(db(), SQLite::OPEN_READWRITE);
    return file.execAndGet("PRAGMA integrity_check").getString();
  }

  TempFolder folder_;
  std::vector<std::string> warnings_;
  Loop loop_;
};

AgentState::Job entry(std::string resource) {
  return [entry = Entry{.time = now(), .resource = std::move(resource)}](Rows& rows) { rows.record(entry); };
}

TEST_F(AgentStateTest, WhereNothingIsToBeRememberedNothingIsMade) {
  AgentState state(loop_, options());
  Result<Due> due = load(state);
  ASSERT_TRUE(due);
  EXPECT_TRUE(due->rows.empty());
  state.if_there(entry("file[a]"));
  EXPECT_TRUE(state.close(10s));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(AgentStateTest, TheFilesAreForTheOwnerAlone) {
  mode_t before = ::umask(0);
  AgentState state(loop_, options());
  ASSERT_TRUE(add(state, {{1, "file[a]", "exec[b]"}}));
  ::umask(before);
  EXPECT_EQ(fs::status(fs::path(db()).parent_path()).permissions(), fs::perms(0700));
  std::size_t files = 0;
  for (const auto& file : fs::directory_iterator(fs::path(db()).parent_path())) {
    EXPECT_EQ(file.status().permissions(), fs::perms(0600)) << file.path();
    ++files;
  }
  EXPECT_EQ(files, 3U) << "the file, its log and the log's index";
}

TEST_F(AgentStateTest, WhatIsDueIsThereInTheNextRunAndItsNumbersGoOn) {
  {
    AgentState state(loop_, options());
    ASSERT_TRUE(add(state, {{1, "file[a]", "exec[b]"}, {2, "file[a]", "exec[c]"}}));
    ASSERT_TRUE(add(state, {{3, "file[d]", "exec[c]"}}));
    state.clear({3, 1});
    EXPECT_TRUE(state.close(10s));
  }
  AgentState state(loop_, options());
  Result<Due> due = load(state);
  ASSERT_TRUE(due);
  ASSERT_EQ(due->rows.size(), 1U);
  EXPECT_EQ(due->rows[0].id, 2U);
  EXPECT_EQ(due->rows[0].sender, "file[a]");
  EXPECT_EQ(due->rows[0].receiver, "exec[c]");
  EXPECT_EQ(due->last_id, 3U);
}

TEST_F(AgentStateTest, ADryRunSeesWhatIsDueAndWritesNothing) {
  {
    AgentState state(loop_, options());
    ASSERT_TRUE(add(state, {{1, "file[a]", "exec[b]"}}));
  }
  auto dry = options();
  dry.read_only = true;
  AgentState state(loop_, dry);
  Result<Due> due = load(state);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->rows.size(), 1U);
  EXPECT_FALSE(add(state, {{2, "file[a]", "exec[b]"}}));
  state.clear({1});
  EXPECT_TRUE(state.later(entry("file[a]"), 1));
  EXPECT_TRUE(state.close(10s));
  EXPECT_TRUE(resources().empty());
  AgentState again(loop_, options());
  EXPECT_EQ(load(again)->rows.size(), 1U);
}

// Whatever is acknowledged is there, in an intact file, whenever the process is killed.
TEST_F(AgentStateTest, AfterKill9AllThatWasAcknowledgedIsThereAndTheFileIsSound) {
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 15; ++round) {
    int told[2];
    ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
    Fd from(told[0]), to(told[1]);
    std::uint64_t first = acknowledged + 1'000'000ULL * (round + 1);
    Process writer([&] {
      Loop loop;
      AgentState state(loop, options());
      std::uint64_t id = first;
      std::function<void()> next = [&] {
        state.later(entry("file[x]"), 100);
        state.add({{id, "file[a]", "exec[b]"}}, [&](Result<void> done) {
          if (!done) std::abort();
          if (::write(to.get(), &id, sizeof id) != sizeof id) std::abort();
          ++id;
          next();
        });
      };
      next();
      loop.run();
      return 0;
    });
    to.reset();
    std::set<std::uint64_t> seen;
    std::uint64_t id = 0;
    auto take = [&] { return ::read(from.get(), &id, sizeof id) == sizeof id && seen.insert(id).second; };
    // Another number of steps each time.
    for (int step = 0; step <= round * 3; ++step) ASSERT_TRUE(take());
    writer.kill_and_wait();
    while (take()) continue;

    EXPECT_EQ(damage(), "ok");
    AgentState state(loop_, options());
    Result<Due> due = load(state);
    ASSERT_TRUE(due) << due.error().text();
    std::set<std::uint64_t> there;
    for (const RefreshRow& row : due->rows) there.insert(row.id);
    EXPECT_TRUE(std::ranges::includes(there, seen));
    EXPECT_GE(due->last_id, *seen.rbegin());
    acknowledged = due->last_id;
    EXPECT_TRUE(warnings_.empty());
  }
}

TEST_F(AgentStateTest, ADamagedFileIsSetAsideAndANewOneBegun) {
  {
    AgentState state(loop_, options());
    ASSERT_TRUE(add(state, {{1, "file[a]", "exec[b]"}}));
  }
  for (const char* part : {"-wal", "-shm"}) fs::remove(db() + part);
  replace_file(db(), "this is no database, though it is long enough to be taken for one" + std::string(8192, '!'),
               0600);
  AgentState state(loop_, options());
  Result<Due> due = load(state);
  ASSERT_TRUE(due) << due.error().text();
  EXPECT_TRUE(due->rows.empty());
  ASSERT_TRUE(add(state, {{1, "file[a]", "exec[b]"}}));
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("is damaged"), std::string::npos) << warnings_[0];
  EXPECT_TRUE(std::ranges::any_of(fs::directory_iterator(fs::path(db()).parent_path()), [](const auto& file) {
    return file.path().filename().string().starts_with("web1.db.damaged-");
  }));
}

TEST_F(AgentStateTest, AFileOfANewerFormatIsLeftAloneAndItIsSaidOnce) {
  fs::create_directories(fs::path(db()).parent_path());
  {
    SQLite::Database newer(db(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    newer.exec("CREATE TABLE future(x); PRAGMA user_version = 4");
  }
  fs::permissions(fs::path(db()).parent_path(), fs::perms(0700));
  std::string bytes = read_file(db());
  AgentState state(loop_, options());
  Result<void> outcome = add(state, {{1, "file[a]", "exec[b]"}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().text(), db() + " was made by a newer mgmt (format 4, this one knows 3)");
  state.later(entry("file[a]"), 1);
  ASSERT_TRUE(run_until(loop_, [&] { return !warnings_.empty(); }));
  Result<void> end = state.close(10s);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().text(), "1 entry of the history could not be written: " + outcome.error().text());
  EXPECT_EQ(warnings_.size(), 1U);
  EXPECT_EQ(read_file(db()), bytes);
}

/// A small disk of our own; false where no namespace can be had.
bool mount_small_disk(const std::string& at) {
  std::string users = fmt::format("0 {} 1", ::geteuid()), groups = fmt::format("0 {} 1", ::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  try {
    for (auto [path, text] : {std::pair("/proc/self/setgroups", "deny"), std::pair("/proc/self/uid_map", users.c_str()),
                              std::pair("/proc/self/gid_map", groups.c_str())}) {
      Fd file(::open(path, O_WRONLY | O_CLOEXEC));
      if (!file) return false;
      write_all(file.get(), text, path);
    }
  } catch (const Error&) {
    return false;
  }
  return ::mount("none", at.c_str(), "tmpfs", 0, "size=400k") == 0;
}

TEST_F(AgentStateTest, OnAFullDiskARefreshIsRefusedAndTheHistoryWaitsForRoom) {
  constexpr int kNotPossible = 9;
  fs::create_directories(folder_.path() + "/prefix");
  Process child([&] {
    if (!mount_small_disk(folder_.path() + "/prefix")) return kNotPossible;
    fs::permissions(folder_.path() + "/prefix", fs::perms(0700));
    Loop loop;
    std::vector<std::string> warnings;
    auto with = options();
    with.warn = [&](std::string text) { warnings.push_back(std::move(text)); };
    AgentState state(loop, with);
    auto add_one = [&](std::uint64_t id) {
      std::optional<Result<void>> outcome;
      state.add({{id, "file[a]", "exec[b]"}}, [&](Result<void> got) { outcome = std::move(got); });
      if (!run_until(loop, [&] { return outcome.has_value(); })) std::abort();
      return outcome->has_value();
    };
    if (!add_one(1)) return 1;
    std::string ballast = folder_.path() + "/prefix/ballast";
    {
      Fd file(::open(ballast.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      std::string block(4096, 'x');
      while (::write(file.get(), block.data(), block.size()) > 0) continue;
    }
    std::uint64_t id = 2;
    while (add_one(id)) ++id;  // until the room that the log had left is used up
    // More than what a refused refresh may have left.
    Entry late{.time = now(), .resource = "file[late]", .hint = std::string(50'000, 'x')};
    state.later([late](Rows& rows) { rows.record(late); }, 1);
    if (!run_until(loop, [&] { return !warnings.empty(); })) return 2;
    fs::remove(ballast);
    if (!add_one(id + 1)) return 3;
    bool written = false;
    if (!run_until(loop, [&] {
          read_database(db(), [&](Rows& rows) {
            rows.history({}, [&](const Entry& one) { return !(written = one.resource == "file[late]"); });
          });
          return written;
        }))
      return 4;
    if (!state.close(10s)) return 5;
    Due due;
    read_database(db(), [&](Rows& rows) { due = rows.due(); });
    // None that was refused, all that were not.
    return due.rows.size() == id && due.last_id == id + 1 ? 0 : 6;
  });
  int outcome = child.wait();
  if (outcome == kNotPossible) GTEST_SKIP() << "no namespace can be had here";
  EXPECT_EQ(outcome, 0);
}

TEST_F(AgentStateTest, WithoutAThreadItIsSaidAndNothingWaitsForEver) {
  std::vector<std::string> said;
  AgentState::Options with = options();
  with.warn = [&](std::string text) { said.push_back(std::move(text)); };
  AgentState state(loop_, with);
  std::optional<Result<void>> outcome;
  {
    NoThreads none;
    EXPECT_FALSE(state.later(entry("file[a]"), 1));
    state.add({{1, "file[a]", "exec[b]"}}, [&](Result<void> result) {
      outcome = std::move(result);
      loop_.stop();
    });
    loop_.run();
  }
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().text(), "no thread can be started for the agent's file");
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(said[0].starts_with("what happens can't be remembered now: no thread can be started")) << said[0];
  EXPECT_TRUE(state.close(1s));
}

TEST_F(AgentStateTest, TwoReadersSeeWholeTransactionsWhileItIsWritten) {
  {
    AgentState state(loop_, options());
    state.later(entry("file[first]"), 1);
  }
  auto reader = [&] {
    auto end = std::chrono::steady_clock::now() + 30s;
    for (std::size_t seen = 0; seen < 2000;) {
      if (std::chrono::steady_clock::now() > end) return 2;
      std::size_t count = resources().size();
      if (count < seen || (count - 1) % 2 != 0) return 1;
      seen = count;
    }
    return 0;
  };
  Process one(reader), two(reader);
  AgentState state(loop_, options());
  for (int i = 0; i < 1000; ++i)
    state.later(
        [](Rows& rows) {
          rows.record({.time = now(), .resource = "file[a]"});
          rows.record({.time = now(), .resource = "file[b]"});
        },
        1);
  EXPECT_TRUE(state.close(20s));
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(two.wait(), 0);
}

TEST_F(AgentStateTest, AReadComesAfterWhatWasAskedForBefore) {
  AgentState state(loop_, options());
  for (int i = 0; i < 2000; ++i) state.later(entry(fmt::format("file[{}]", i)), 1);
  std::size_t count = 0;
  bool done = false;
  state.read([&](Rows& rows) { rows.history({}, [&](const Entry&) { return ++count > 0; }); },
             [&](Result<void> outcome) { done = outcome.has_value(); });
  ASSERT_TRUE(run_until(loop_, [&] { return done; }));
  EXPECT_EQ(count, 2000U);
}

TEST_F(AgentStateTest, WhatTheBufferDoesNotTakeIsToldAtOnce) {
  auto small = options();
  small.buffer = 1000;
  AgentState state(loop_, small);
  EXPECT_TRUE(state.later(entry("file[a]"), 600));
  EXPECT_GE(state.fill(), 0.0);
  // It may have been written by now, but this is too much in any case.
  EXPECT_FALSE(state.later(entry("file[b]"), 1001));
  EXPECT_TRUE(state.close(10s));
  EXPECT_EQ(resources(), (std::vector<std::string>{"file[a]"}));
}

TEST_F(AgentStateTest, TheHistoryIsBoundedByNumber) {
  auto few = options();
  few.limits.entries = 50;
  {
    AgentState state(loop_, few);
    for (int i = 0; i < 5000; ++i) state.later(entry(fmt::format("file[{}]", i)), 1);
    EXPECT_TRUE(state.close(20s));
  }
  // What is pruned is pruned in steps, so some more may be there.
  EXPECT_LT(resources().size(), 2500U);
  EXPECT_EQ(resources().front(), "file[4999]");
  {
    AgentState state(loop_, few);
    for (int i = 0; i < 6; ++i) {
      state.later(entry("file[new]"), 1);
      bool done = false;
      state.read([](Rows&) {}, [&](Result<void>) { done = true; });
      ASSERT_TRUE(run_until(loop_, [&] { return done; }));
    }
  }
  EXPECT_LE(resources().size(), 56U);
}

TEST_F(AgentStateTest, WhatIsTooOldIsForgottenInTheNextRun) {
  {
    AgentState state(loop_, options());
    state.later([](Rows& rows) { rows.record({.time = now() - std::chrono::days(91), .resource = "file[old]"}); }, 1);
    EXPECT_TRUE(state.close(10s));
  }
  AgentState next(loop_, options());
  next.later(entry("file[last]"), 1);
  EXPECT_TRUE(next.close(10s));
  EXPECT_EQ(resources(), (std::vector<std::string>{"file[last]"}));
}

TEST_F(AgentStateTest, AnEntryComesBackAsItWasWritten) {
  Entry wrote{.time = now(),
              .duration = 1234us,
              .resource = "file[a]",
              .what = Entry::What::Failure,
              .intent = Entry::Intent::Corrective,
              .cause = "event",
              .from = "exec[b]",
              .delta = R"({"changes":[]})",
              .diff = "d",
              .error = "e",
              .hint = "h",
              .by = "rm",
              .times = 2};
  AgentState state(loop_, options());
  state.later([wrote](Rows& rows) { rows.record(wrote); }, 1);
  EXPECT_TRUE(state.close(10s));
  std::optional<Entry> got;
  read_database(db(), [&](Rows& rows) {
    rows.history({.since = wrote.time, .resource = "file[a]"}, [&](const Entry& one) {
      got = one;
      return true;
    });
  });
  ASSERT_TRUE(got);
  EXPECT_EQ(got->time, wrote.time);
  EXPECT_EQ(got->times, 2);
  EXPECT_EQ(got->duration, wrote.duration);
  EXPECT_EQ(got->what, wrote.what);
  EXPECT_EQ(got->intent, wrote.intent);
  for (auto field : {&Entry::cause, &Entry::from, &Entry::delta, &Entry::diff, &Entry::error, &Entry::hint, &Entry::by})
    EXPECT_EQ(*got.*field, wrote.*field);
}

TEST_F(AgentStateTest, WhatIsKnownOfAResourceAndWhatNoGraphMentionsAnyMore) {
  AgentState state(loop_, options());
  Time at = now();
  state.later(
      [at](Rows& rows) {
        rows.remember({.id = "file[a]",
                       .kind = "file",
                       .fingerprint = ~0ULL,
                       .path = "/a",
                       .created = true,
                       .first = at,
                       .last = at,
                       .fine = at,
                       .content = "c",
                       .identity = "i"});
        rows.remember({.id = "file[b]", .kind = "file", .path = "/b", .created = true});
        rows.remember({.id = "file[c]", .kind = "file", .path = "/c", .created = false});
      },
      1);
  state.if_there(
      [](Rows& rows) { rows.declare([](const std::string& id, const std::string&) { return id == "file[b]"; }); });
  EXPECT_TRUE(state.close(10s));
  ASSERT_TRUE(read_database(db(), [&](Rows& rows) {
    std::vector<Known> orphans = rows.orphans();
    ASSERT_EQ(orphans.size(), 1U);
    EXPECT_EQ(orphans[0].id, "file[a]");
    EXPECT_EQ(orphans[0].fingerprint, ~0ULL);
    EXPECT_EQ(orphans[0].path, "/a");
    EXPECT_EQ(orphans[0].content, "c");
    EXPECT_EQ(orphans[0].identity, "i");
    EXPECT_EQ(orphans[0].fine, at);
    EXPECT_FALSE(rows.find("file[c]")->declared);
    EXPECT_TRUE(rows.find("file[b]")->declared);
    EXPECT_FALSE(rows.find("file[d]"));
  }));
}

TEST_F(AgentStateTest, AFileOfAnOlderMgmtIsReadAndThenUsed) {
  {
    AgentState state(loop_, options());
    state.later(entry("file[old]"), 1);
    EXPECT_TRUE(state.close(10s));
    SQLite::Database file(db(), SQLite::OPEN_READWRITE);
    for (const char* column : {"check", "apply", "before", "event"})
      file.exec(fmt::format("ALTER TABLE history DROP COLUMN \"{}\"", column));
    file.exec("ALTER TABLE resource DROP COLUMN place");
    file.exec("DROP TABLE undo");
    file.exec("PRAGMA user_version = 1");
  }
  // Who only reads leaves it as it is.
  EXPECT_EQ(resources(), std::vector<std::string>{"file[old]"});
  EXPECT_EQ(resources(), std::vector<std::string>{"file[old]"});
  AgentState state(loop_, options());
  state.later(
      [](Rows& rows) {
        rows.record({.time = now(),
                     .check = 2us,
                     .apply = 3us,
                     .resource = "file[new]",
                     .event = "/x was written (MODIFY)",
                     .before = {"file[x]", "b\nad"}});
      },
      1);
  EXPECT_TRUE(state.close(10s));
  EXPECT_TRUE(warnings_.empty());
  std::vector<Entry> found;
  read_database(db(), [&](Rows& rows) {
    rows.history({}, [&](const Entry& one) {
      found.push_back(one);
      return true;
    });
  });
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].check, 2us);
  EXPECT_EQ(found[0].apply, 3us);
  EXPECT_EQ(found[0].before, std::vector<std::string>{"file[x]"});
  EXPECT_EQ(found[1].check, -1us);
  EXPECT_TRUE(found[1].before.empty());
}

}  // namespace
}  // namespace mgmt::state
