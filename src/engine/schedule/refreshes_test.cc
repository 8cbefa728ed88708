// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/refreshes.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using Ids = std::vector<std::uint64_t>;

struct RefreshesTest : testing::Test {
  Refreshes refreshes;
  // A whole run of the sender.
  std::vector<RefreshRow> owe(const std::string& sender, std::vector<std::string> receivers) {
    auto rows = refreshes.owe(sender, receivers);
    for (const std::string& receiver : receivers) EXPECT_TRUE(refreshes.ended(sender, receiver));
    return rows;
  }
};

TEST_F(RefreshesTest, ARowForEachReceiverUntilItSucceeds) {
  auto rows = owe("file[a]", {"exec[x]", "exec[y]"});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].receiver, "exec[y]");
  ASSERT_TRUE(refreshes.owed("exec[x]"));
  EXPECT_EQ(*refreshes.sender_to("exec[x]"), "file[a]");
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{rows[0].id});
  EXPECT_FALSE(refreshes.owed("exec[x]"));
  EXPECT_TRUE(refreshes.owed("exec[y]"));
}

TEST_F(RefreshesTest, WhatIsOwedAlreadyNeedsNoRow) {
  ASSERT_EQ(owe("file[a]", {"exec[x]"}).size(), 1u);
  EXPECT_TRUE(owe("file[a]", {"exec[x]"}).empty());
  EXPECT_EQ(owe("file[b]", {"exec[x]"}).size(), 1u);
}

TEST_F(RefreshesTest, AFailedRunStillOwesAll) {
  owe("file[a]", {"exec[x]"});
  refreshes.begin("exec[x]");
  refreshes.failed("exec[x]");
  EXPECT_TRUE(refreshes.owed("exec[x]"));
  EXPECT_TRUE(owe("file[a]", {"exec[x]"}).empty());
}

TEST_F(RefreshesTest, AChangeDuringTheRunIsOwedToTheNext) {
  auto first = owe("file[a]", {"exec[x]"});
  refreshes.begin("exec[x]");
  auto second = owe("file[a]", {"exec[x]"});
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{first[0].id});
  EXPECT_TRUE(refreshes.owed("exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{second[0].id});
}

TEST_F(RefreshesTest, ARunThatBeganBeforeTheFirstChangeAnswersNothing) {
  refreshes.begin("exec[x]");
  owe("file[a]", {"exec[x]"});
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_TRUE(refreshes.owed("exec[x]"));
}

TEST_F(RefreshesTest, TakenBackIsNotOwed) {
  const std::vector<std::string> receivers{"exec[x]"};
  refreshes.forget(refreshes.owe("file[a]", receivers));
  EXPECT_FALSE(refreshes.ended("file[a]", "exec[x]"));
  EXPECT_FALSE(refreshes.owed("exec[x]"));
}

TEST_F(RefreshesTest, RestoredRowsCountAndNewOnesComeBehindThem) {
  refreshes.restore({{7, "file[a]", "exec[x]"}, {3, "file[b]", "exec[x]"}});
  EXPECT_EQ(*refreshes.sender_to("exec[x]"), "file[b]");
  EXPECT_GT(owe("file[a]", {"exec[y]"})[0].id, 7u);
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), (Ids{3, 7}));
}

TEST_F(RefreshesTest, WhoLeftTheGraphIsDropped) {
  owe("file[a]", {"exec[x]", "exec[y]"});
  auto dropped = refreshes.drop_unless([](const std::string& receiver) { return receiver == "exec[y]"; });
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].receiver, "exec[x]");
  EXPECT_TRUE(refreshes.owed("exec[y]"));
}

// A swap has taken the edge away that kept the receiver waiting for the end of the sender's run.
TEST_F(RefreshesTest, ARunBesideTheSendersAnswersNothing) {
  const std::vector<std::string> receivers{"exec[x]"};
  auto rows = refreshes.owe("file[a]", receivers);
  EXPECT_FALSE(refreshes.owed("exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_TRUE(refreshes.ended("file[a]", "exec[x]"));
  EXPECT_TRUE(refreshes.owed("exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{rows[0].id});
}

TEST_F(RefreshesTest, ARowThatServesTheSendersNextRunTooStaysUntilItHasEnded) {
  const std::vector<std::string> receivers{"exec[x]"};
  auto rows = owe("file[a]", receivers);
  EXPECT_TRUE(refreshes.owe("file[a]", receivers).empty());
  refreshes.begin("exec[x]");
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_TRUE(refreshes.ended("file[a]", "exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{rows[0].id});
}

TEST_F(RefreshesTest, WhatASenderAtWorkOwesOutlivesASwapWithoutTheReceiver) {
  const std::vector<std::string> receivers{"exec[x]"};
  refreshes.owe("file[a]", receivers);
  EXPECT_TRUE(refreshes.drop_unless([](const std::string&) { return false; }).empty());
  EXPECT_TRUE(refreshes.ended("file[a]", "exec[x]"));
  EXPECT_TRUE(refreshes.owed("exec[x]"));
  EXPECT_EQ(refreshes.drop_unless([](const std::string&) { return false; }).size(), 1u);
}

}  // namespace
}  // namespace mgmt
