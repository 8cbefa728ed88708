// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/refreshes.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

using Ids = std::vector<std::uint64_t>;

struct RefreshesTest : testing::Test {
  Refreshes refreshes;
  // A whole run of the sender, whose rows are written. Those.
  std::vector<RefreshRow> owe(const std::string& sender, std::vector<std::string> receivers) {
    auto rows = refreshes.owe(sender, receivers).to_write;
    refreshes.written(rows);
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
}

TEST_F(RefreshesTest, OneDurableRowHoldsWhatEverySenderOwes) {
  auto first = owe("file[a]", {"exec[x]"});
  EXPECT_TRUE(owe("file[b]", {"exec[x]"}).empty());
  refreshes.begin("exec[x]");
  // Asked for while it runs: held by the same row, which stays.
  EXPECT_TRUE(owe("file[c]", {"exec[x]"}).empty());
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  ASSERT_TRUE(refreshes.owed("exec[x]"));
  EXPECT_EQ(*refreshes.sender_to("exec[x]"), "file[c]");
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{first[0].id});
  EXPECT_EQ(owe("file[b]", {"exec[x]"}).size(), 1u);
}

TEST_F(RefreshesTest, WhoComesWhileTheRowIsBeingWrittenWaitsForIt) {
  const std::vector<std::string> receivers{"exec[x]"};
  auto a = refreshes.owe("file[a]", receivers), b = refreshes.owe("file[b]", receivers);
  ASSERT_EQ(b.to_write.size(), 1u);
  EXPECT_EQ(b.to_write[0].id, a.to_write[0].id);
  // The first could not write it; the second could.
  EXPECT_TRUE(refreshes.forget(a.added).empty());
  EXPECT_TRUE(refreshes.written(b.to_write).empty());
  EXPECT_TRUE(refreshes.owe("file[c]", receivers).to_write.empty());
  EXPECT_TRUE(refreshes.forget(b.added).empty());
  EXPECT_TRUE(refreshes.ended("file[c]", "exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{a.added[0].id});
}

TEST_F(RefreshesTest, ARowThatTwoHaveWrittenGoesOnce) {
  const std::vector<std::string> receivers{"exec[x]"};
  auto a = refreshes.owe("file[a]", receivers), b = refreshes.owe("file[b]", receivers);
  EXPECT_TRUE(refreshes.written(a.to_write).empty());
  EXPECT_TRUE(refreshes.written(b.to_write).empty());
  EXPECT_TRUE(refreshes.forget(a.added).empty());
  EXPECT_EQ(refreshes.forget(b.added), Ids{a.added[0].id});
  // It came back after it was to go.
  EXPECT_EQ(refreshes.written(b.to_write), Ids{a.added[0].id});
}

TEST_F(RefreshesTest, ARowThatIsWrittenAfterItsRefreshIsDoneWith) {
  const std::vector<std::string> receivers{"exec[x]"};
  auto rows = refreshes.owe("exec[slow]", receivers).to_write;
  EXPECT_TRUE(refreshes.ended("exec[slow]", "exec[x]"));  // its time was over
  refreshes.begin("exec[x]");
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_EQ(refreshes.written(rows), Ids{rows[0].id});
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
  EXPECT_TRUE(owe("file[a]", {"exec[x]"}).empty());
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_TRUE(refreshes.owed("exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{first[0].id});
}

TEST_F(RefreshesTest, ARunThatBeganBeforeTheFirstChangeAnswersNothing) {
  refreshes.begin("exec[x]");
  owe("file[a]", {"exec[x]"});
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_TRUE(refreshes.owed("exec[x]"));
}

TEST_F(RefreshesTest, TakenBackIsNotOwed) {
  const std::vector<std::string> receivers{"exec[x]"};
  refreshes.forget(refreshes.owe("file[a]", receivers).added);
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
  ASSERT_EQ(dropped.owed.size(), 1u);
  EXPECT_EQ(dropped.owed[0].receiver, "exec[x]");
  EXPECT_EQ(dropped.rows.size(), 1u);
  EXPECT_TRUE(refreshes.owed("exec[y]"));
}

// A swap has taken the edge away that kept the receiver waiting for the end of the sender's run.
TEST_F(RefreshesTest, ARunBesideTheSendersAnswersNothing) {
  const std::vector<std::string> receivers{"exec[x]"};
  auto rows = refreshes.owe("file[a]", receivers).to_write;
  refreshes.written(rows);
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
  EXPECT_TRUE(refreshes.owe("file[a]", receivers).added.empty());
  refreshes.begin("exec[x]");
  EXPECT_TRUE(refreshes.succeeded("exec[x]").empty());
  EXPECT_TRUE(refreshes.ended("file[a]", "exec[x]"));
  refreshes.begin("exec[x]");
  EXPECT_EQ(refreshes.succeeded("exec[x]"), Ids{rows[0].id});
}

TEST_F(RefreshesTest, WhatASenderAtWorkOwesOutlivesASwapWithoutTheReceiver) {
  const std::vector<std::string> receivers{"exec[x]"};
  refreshes.owe("file[a]", receivers);
  EXPECT_TRUE(refreshes.drop_unless([](const std::string&) { return false; }).owed.empty());
  EXPECT_TRUE(refreshes.ended("file[a]", "exec[x]"));
  EXPECT_TRUE(refreshes.owed("exec[x]"));
  EXPECT_EQ(refreshes.drop_unless([](const std::string&) { return false; }).owed.size(), 1u);
}

}  // namespace
}  // namespace mgmt
