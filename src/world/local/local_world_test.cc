// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/local_world.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "src/base/fd.h"
#include "src/world/conformance.h"
#include "src/world/testing_world.h"

namespace mgmt::world {
namespace {

using namespace testing_world;
using local::Fault;
using local::LocalWorld;
namespace fs = std::filesystem;

class LocalBackend : public Backend {
 public:
  std::unique_ptr<World> open(Loop& loop) override {
    return std::make_unique<LocalWorld>(
        loop, LocalWorld::Options{.prefix = folder_.path() + "/state", .patience = std::chrono::seconds(20)});
  }
  void lose_request(World& world) override { dynamic_cast<LocalWorld&>(world).inject(Fault::RequestLost); }
  void lose_reply(World& world) override { dynamic_cast<LocalWorld&>(world).inject(Fault::ReplyLost); }
  void compact(World& world, std::move_only_function<void()> done) override {
    dynamic_cast<LocalWorld&>(world).compact(std::move(done));
  }
  void restore() override {
    std::string db = folder_.path() + "/state/db/world.db";
    fs::copy_file(db, db + ".copy");
    fs::rename(db + ".copy", db);
  }
  std::string damage() override {
    SQLite::Database db(folder_.path() + "/state/db/world.db", SQLite::OPEN_READWRITE);
    std::string found = db.execAndGet("PRAGMA integrity_check").getString();
    return found == "ok" ? "" : found;
  }

 private:
  TempFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Local, Conformance, testing::Values([]() -> std::unique_ptr<Backend> {
                           return std::make_unique<LocalBackend>();
                         }));

class LocalWorldTest : public testing::Test {
 protected:
  LocalWorld::Options options() {
    return {.prefix = folder_.path(),
            .warn = [this](std::string text) { warnings_.push_back(std::move(text)); },
            .patience = std::chrono::milliseconds(50)};
  }
  std::string db() const { return folder_.path() + "/db/world.db"; }
  TempFolder folder_;
  std::vector<std::string> warnings_;
};

TEST_F(LocalWorldTest, NothingIsCreatedBeforeTheFirstCall) {
  Loop loop;
  LocalWorld world(loop, options());
  loop.poll();
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(LocalWorldTest, TheFilesAreForTheOwnerAlone) {
  ::umask(0);
  Loop loop;
  LocalWorld world(loop, options());
  commit(loop, world, {.puts = {{"/v1/values/a/x", "1"}}});
  EXPECT_EQ(fs::status(folder_.path() + "/db").permissions(), fs::perms(0700));
  for (const auto& entry : fs::directory_iterator(folder_.path() + "/db"))
    EXPECT_EQ(entry.status().permissions() & fs::perms(077), fs::perms::none) << entry.path();
  ::umask(022);
}

TEST_F(LocalWorldTest, AFolderThatOthersMayWriteToIsRefused) {
  fs::create_directory(folder_.path() + "/db");
  fs::permissions(folder_.path() + "/db", fs::perms(0777));
  Loop loop;
  LocalWorld world(loop, options());
  Snapshot read = read_all(loop, world, "/v1/values/");
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->text(), folder_.path() + "/db belongs to somebody else, or others may write to it");
}

TEST_F(LocalWorldTest, ADamagedFileIsSetAsideAndANewEpochBegins) {
  Revision before;
  {
    Loop loop;
    LocalWorld world(loop, options());
    before = std::get<Revision>(commit(loop, world, {.puts = {{"/v1/values/a/x", "1"}}}));
  }
  replace_file(db(), "this is no database, though it is long enough to be taken for one" + std::string(8192, '!'),
               0600);
  Loop loop;
  LocalWorld world(loop, options());
  Snapshot read = read_all(loop, world, "/v1/values/");
  ASSERT_FALSE(read.error) << read.error->text();
  EXPECT_TRUE(read.values.empty());
  EXPECT_GT(read.revision.epoch, before.epoch);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("is damaged"), std::string::npos) << warnings_[0];
  auto aside = std::ranges::count_if(fs::directory_iterator(folder_.path() + "/db"), [](const auto& entry) {
    return entry.path().filename().string().starts_with("world.db.damaged-");
  });
  EXPECT_GE(aside, 1);
}

TEST_F(LocalWorldTest, AFileThatIsDamagedUnderTwoAgentsIsSetAsideOnceAndBothGoOn) {
  Loop loop;
  LocalWorld one(loop, options()), two(loop, options());
  for (int i = 0; i < 50; ++i)
    commit(loop, one, {.puts = {{fmt::format("/v1/values/a/{}", i), std::string(2000, 'x')}}});
  Snapshot all = read_all(loop, two, "/v1/values/");
  auto watched = follow(two, "/v1/values/", all.revision);
  {
    SQLite::Database checkpoint(db(), SQLite::OPEN_READWRITE);
    checkpoint.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  {
    // In place, all but the header: so that the inode stays.
    Fd file(::open(db().c_str(), O_WRONLY | O_CLOEXEC));
    std::string noise(fs::file_size(db()) - 100, '\x55');
    ASSERT_EQ(::pwrite(file.get(), noise.data(), noise.size(), 100), static_cast<ssize_t>(noise.size()));
  }
  // A page that is in memory is believed until the store is opened again.
  LocalWorld three(loop, options());
  Snapshot fresh = read_all(loop, three, "/v1/values/");
  ASSERT_FALSE(fresh.error) << fresh.error->text();
  EXPECT_TRUE(fresh.values.empty());
  ASSERT_TRUE(std::holds_alternative<Revision>(commit(loop, one, {.puts = {{"/v1/values/a/new", "1"}}})));
  EXPECT_EQ(read_all(loop, two, "/v1/values/").values, (std::map<std::string, std::string>{{"/v1/values/a/new", "1"}}));
  ASSERT_TRUE(run_until(loop, [&] { return watched->compacted; }));
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(LocalWorldTest, AFileOfANewerFormatIsLeftAlone) {
  fs::create_directories(folder_.path() + "/db");
  fs::permissions(folder_.path() + "/db", fs::perms(0700));
  {
    SQLite::Database newer(db(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    newer.exec("CREATE TABLE future(x); PRAGMA user_version = 2");
  }
  std::string bytes = read_file(db());
  Loop loop;
  LocalWorld world(loop, options());
  CommitOutcome outcome = commit(loop, world, {.puts = {{"/v1/values/a/x", "1"}}});
  ASSERT_TRUE(std::holds_alternative<Unavailable>(outcome));
  const Error& cause = std::get<Unavailable>(outcome).cause;
  EXPECT_EQ(cause.text(), db() + " was made by a newer mgmt (format 2, this one knows 1)");
  EXPECT_EQ(cause.hint_text(), "use that version, or another prefix with --prefix, or --tmp-prefix");
  EXPECT_EQ(read_file(db()), bytes);
}

TEST_F(LocalWorldTest, AStoreThatAnotherProcessKeepsLockedIsUnavailableAndThenItIsNot) {
  Loop loop;
  LocalWorld world(loop, options());
  commit(loop, world, {.puts = {{"/v1/values/a/x", "1"}}});
  SQLite::Database other(db(), SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  EXPECT_TRUE(std::holds_alternative<Unavailable>(commit(loop, world, {.puts = {{"/v1/values/a/x", "2"}}})));
  EXPECT_EQ(read_all(loop, world, "/v1/values/").values["/v1/values/a/x"], "1") << "readers don't wait for writers";
  other.exec("COMMIT");
  EXPECT_TRUE(std::holds_alternative<Revision>(commit(loop, world, {.puts = {{"/v1/values/a/x", "2"}}})));
}

TEST_F(LocalWorldTest, ItEndsAtOnceWhileAnotherProcessKeepsTheStoreLocked) {
  Loop loop;
  auto patient = options();
  patient.patience = std::chrono::hours(1);
  auto world = std::make_unique<LocalWorld>(loop, patient);
  commit(loop, *world, {.puts = {{"/v1/values/a/x", "1"}}});
  SQLite::Database other(db(), SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  world->commit({.puts = {{"/v1/values/a/x", "2"}}}, [](CommitOutcome) { ADD_FAILURE() << "called after the end"; });
  world.reset();
  loop.poll();
}

TEST_F(LocalWorldTest, DeletionsAreForgottenInTheEndAndALateWatchIsTold) {
  Loop loop;
  auto few = options();
  few.keep_deleted = 10;
  LocalWorld world(loop, few);
  Revision first = std::get<Revision>(commit(loop, world, {.puts = {{"/v1/values/a/x", "1"}}}));
  std::size_t answered = 0;
  for (int i = 0; i < 600; ++i) {
    world.commit({.puts = {{fmt::format("/v1/values/a/{}", i), "v"}}}, [&](CommitOutcome) { ++answered; });
    world.commit({.deletes = {fmt::format("/v1/values/a/{}", i)}}, [&](CommitOutcome) { ++answered; });
  }
  ASSERT_TRUE(run_until(loop, [&] { return answered == 1200; }));
  auto late = follow(world, "/v1/values/", first);
  ASSERT_TRUE(run_until(loop, [&] { return late->compacted; }));
  SQLite::Database look(db(), SQLite::OPEN_READWRITE);
  EXPECT_LT(look.execAndGet("SELECT count(*) FROM kv").getInt(), 300);
}

/// A user namespace of our own, in which there is no inotify instance to be had.
bool forbid_inotify() {
  std::string map = fmt::format("{0} {0} 1", ::geteuid());
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  try {
    for (auto [path, text] :
         {std::pair("/proc/self/uid_map", map.c_str()), std::pair("/proc/sys/user/max_inotify_instances", "0")}) {
      Fd file(::open(path, O_WRONLY | O_CLOEXEC));
      if (!file) return false;
      write_all(file.get(), text, path);
    }
  } catch (const Error&) {
    return false;
  }
  return true;
}

TEST_F(LocalWorldTest, WithoutInotifyItLooksOnceASecondAndSaysSo) {
  constexpr int kNotPossible = 9;
  Gate ready;
  Process reader([&] {
    bool possible = forbid_inotify();
    Loop loop;
    LocalWorld world(loop, options());
    Snapshot start = read_all(loop, world, "/v1/values/");
    auto seen = follow(world, "/v1/values/", start.revision);
    ready.open();
    if (!possible) return kNotPossible;
    if (!run_until(loop, [&] { return seen->values.contains("/v1/values/a/x") && !warnings_.empty(); })) return 1;
    return warnings_.size() == 1 &&
                   warnings_[0].starts_with("changes that other agents make are looked for once a second: ")
               ? 0
               : 2;
  });
  ASSERT_TRUE(ready.pass());
  Loop loop;
  LocalWorld world(loop, options());
  ASSERT_TRUE(std::holds_alternative<Revision>(commit(loop, world, {.puts = {{"/v1/values/a/x", "1"}}})));
  int outcome = reader.wait();
  if (outcome == kNotPossible) GTEST_SKIP() << "no user namespace can be had here";
  EXPECT_EQ(outcome, 0);
}

TEST_F(LocalWorldTest, HowLongAnothersCommitTakesToArrive) {
  constexpr int kRounds = 300;
  Gate ready, go;
  std::string prefix = folder_.path();
  // The value is the time of the commit: both processes read the same clock.
  auto now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
  };
  Process writer([&] {
    Loop loop;
    LocalWorld world(loop, {.prefix = prefix});
    commit(loop, world, {.puts = {{"/v1/values/a/time", "0"}}});
    ready.open();
    for (int i = 0; i < kRounds; ++i) {
      if (!go.pass()) return 1;
      std::optional<CommitOutcome> outcome;
      world.commit({.puts = {{"/v1/values/a/time", std::to_string(now())}}}, [&](CommitOutcome got) {
        outcome = std::move(got);
        loop.stop();
      });
      loop.run();
    }
    return 0;
  });
  ASSERT_TRUE(ready.pass());
  Loop loop;
  LocalWorld world(loop, {.prefix = prefix});
  Snapshot start = read_all(loop, world, "/v1/values/");
  std::vector<std::int64_t> took;
  auto watch = world.watch("/v1/values/", start.revision, [&](const WatchEvent& event) {
    const auto* changes = std::get_if<Changes>(&event);
    ASSERT_TRUE(changes && !changes->changes.empty());
    took.push_back(now() - std::stoll(*changes->changes.back().value));
    if (took.size() == kRounds) loop.stop();
    else go.open();
  });
  go.open();
  loop.run();
  EXPECT_EQ(writer.wait(), 0);
  std::ranges::sort(took);
  RecordProperty("median_us", static_cast<int>(took[took.size() / 2] / 1000));
  std::printf("commit to another process's call: median %.3f ms, p99 %.3f ms\n",
              static_cast<double>(took[took.size() / 2]) / 1e6,
              static_cast<double>(took[took.size() * 99 / 100]) / 1e6);
}

}  // namespace
}  // namespace mgmt::world
