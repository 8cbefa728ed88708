// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/fights.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "src/state/database.h"
#include "src/value/json.h"

namespace mgmt::views {
namespace {

using namespace std::chrono_literals;
using state::Entry;

class FightsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/mgmt-fights-XXXXXX";
    top_ = ::mkdtemp(name);
    database_ = std::make_unique<state::Database>(state::Database::Options{.path = top_ + "/a/b/c.db"}, closing_);
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(top_);
  }

  void repair(const std::string& resource, const std::string& param, const Value& after, std::chrono::hours ago = 0h,
              Entry::Intent intent = Entry::Intent::Corrective) {
    Delta delta;
    delta.changes.push_back({.param = param, .before = Value("wrong"), .after = after});
    write({.time = now_ - ago, .resource = resource, .intent = intent, .delta = to_json(delta)});
  }
  void write(const Entry& entry) {
    database_->write([&](state::Rows& rows) { rows.record(entry); }, state::Database::When::Soon);
  }
  std::vector<Fight> all() {
    std::vector<Fight> found;
    database_->read([&](state::Rows& rows) { found = fights(rows, now_); });
    return found;
  }

  std::string top_;
  std::atomic<bool> closing_ = false;
  state::Time now_ = state::now();
  std::unique_ptr<state::Database> database_;
};

TEST_F(FightsTest, TheSameChangeFiveTimesInADayIsOne) {
  for (int i = 0; i < 4; ++i) repair("file[a]", "mode", Value("0644"), std::chrono::hours(i));
  EXPECT_TRUE(all().empty());
  repair("file[a]", "mode", Value("0644"));
  auto found = all();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].resource, "file[a]");
  EXPECT_EQ(found[0].param, "mode");
  EXPECT_EQ(found[0].after, R"("0644")");
  EXPECT_EQ(found[0].repairs, 5U);
  EXPECT_EQ(found[0].last, now_);
}

TEST_F(FightsTest, FiveChangesThatDifferAreNone) {
  for (int i = 0; i < 3; ++i) repair("file[a]", "mode", Value("0644"));
  for (int i = 0; i < 2; ++i) repair("file[a]", "owner", Value("root"));
  for (int i = 0; i < 5; ++i) repair("file[b]", "mode", Value(std::to_string(i)));
  EXPECT_TRUE(all().empty());
}

TEST_F(FightsTest, WhatIsOlderOrIntendedDoesNotCount) {
  for (int i = 0; i < 5; ++i) repair("file[a]", "mode", Value("0644"), 25h);
  for (int i = 0; i < 5; ++i) repair("file[b]", "mode", Value("0644"), 0h, Entry::Intent::Intended);
  EXPECT_TRUE(all().empty());
}

TEST_F(FightsTest, TheNewestTellsWhoItWas) {
  for (int i = 4; i >= 0; --i)
    write({.time = now_ - std::chrono::hours(i),
           .resource = "file[a]",
           .intent = Entry::Intent::Corrective,
           .delta = R"({"changes":[{"param":"content","item":"sub/x","before":1,"after":2}]})",
           .by = i == 0 ? "vi" : "emacs"});
  auto found = all();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].by, "vi");
  EXPECT_EQ(found[0].param, "sub/x content");
}

}  // namespace
}  // namespace mgmt::views
