// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/board.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "src/value/json.h"

namespace mgmt::views {
namespace {

using namespace report;

class Graph : public GraphFacts {
 public:
  explicit Graph(std::vector<std::string> ids) : ids_(std::move(ids)) {}
  std::optional<Fact> find(const std::string& id) const override {
    return std::ranges::find(ids_, id) == ids_.end() ? std::nullopt : std::optional(Fact{.kind = "file"});
  }
  void each(const std::function<void(const std::string&)>& call) const override {
    for (const std::string& id : ids_) call(id);
  }
  std::vector<std::string> before(const std::string& id) const override {
    return id == "b" ? std::vector<std::string>{"a"} : std::vector<std::string>();
  }
  std::vector<std::string> after(const std::string&) const override { return {}; }
  std::uint64_t key() const override { return 1; }

 private:
  std::vector<std::string> ids_;
};

class BoardTest : public testing::Test {
 protected:
  void tell(Body body) { board.on_event({state::now(), std::move(body)}); }
  // Of a JSON object, a member as JSON.
  static std::string at(const std::string& json, std::string_view key) {
    Result<Value> whole = value_from_json(json);
    const Map* map = whole ? whole->get_if<Map>() : nullptr;
    for (const auto& [name, value] : map ? *map : Map{})
      if (name == key) return to_json(value);
    return "";
  }
  std::string status(std::string_view key, const std::vector<Fight>& fights = {}) {
    return at(board.status(fights), key);
  }

  std::vector<Standing> standing;
  Board board{[] { return std::make_shared<Graph>(std::vector<std::string>{"a", "b"}); }, [this] { return standing; }};
};

TEST_F(BoardTest, ItIsConvergedOnlyWhileNothingRuns) {
  tell(GraphStarted{.name = "g", .resources = 2});
  EXPECT_EQ(status("state"), R"("working")");
  tell(Converged{});
  EXPECT_EQ(status("state"), R"("converged")");
  std::string since = status("state_since");
  tell(Started{"a"});
  EXPECT_EQ(status("state"), R"("working")");
  EXPECT_EQ(status("runs"), "1");
  // It had been fine all the time.
  tell(Fine{"a"});
  EXPECT_EQ(status("state"), R"("converged")");
  EXPECT_EQ(status("state_since"), since);
}

TEST_F(BoardTest, AChangeOrAFailureIsWorkUntilItIsAnnouncedAgain) {
  tell(Converged{});
  tell(Started{"a"});
  tell(Changed{.resource = "a"});
  EXPECT_EQ(status("state"), R"("working")");
  tell(Converged{});
  EXPECT_EQ(status("state"), R"("converged")");
  tell(Failed{.resource = "a", .error = "no"});
  EXPECT_EQ(status("state"), R"("working")");
  tell(Settled{.failed = 1});
  EXPECT_EQ(status("state"), R"("settled with failures")");
}

TEST_F(BoardTest, WhatIsHeldOrWaitsIsWork) {
  tell(Converged{});
  standing = {{.is = Standing::Is::Held, .resource = "a", .why = "a fight"}};
  EXPECT_EQ(status("state"), R"("working")");
  EXPECT_EQ(status("held"), R"([{"resource":"a","why":"a fight"}])");
  standing = {{.is = Standing::Is::Waiting, .resource = "b", .by = "a"}};
  EXPECT_EQ(status("state"), R"("working")");
  EXPECT_EQ(status("waiting"), "1");
}

TEST_F(BoardTest, WhatIsBlockedIsListedWithItsCulprit) {
  tell(Settled{.failed = 1, .blocked = 1});
  standing = {{.is = Standing::Is::Blocked, .resource = "b", .by = "a"}};
  EXPECT_EQ(status("state"), R"("settled with failures")");
  EXPECT_EQ(status("blocked"), R"([{"resource":"b","by":"a"}])");
}

TEST_F(BoardTest, WhyNamesWhatKeepsAResourceFromBeingLookedAt) {
  EXPECT_EQ(at(board.now_of("b"), "now"), R"("idle")");
  EXPECT_EQ(at(board.now_of("b"), "before"), R"(["a"])");
  standing = {{.is = Standing::Is::Blocked, .resource = "b", .by = "a"}};
  EXPECT_EQ(at(board.now_of("b"), "now"), R"("blocked")");
  EXPECT_EQ(at(board.now_of("b"), "by"), R"("a")");
  standing[0] = {.is = Standing::Is::Held, .resource = "b", .why = "a fight"};
  EXPECT_EQ(at(board.now_of("b"), "now"), R"("held")");
  EXPECT_EQ(at(board.now_of("b"), "why"), R"("a fight")");
  tell(Started{"b", {.why = Cause::Why::Received, .from = "a"}});
  EXPECT_EQ(at(board.now_of("b"), "now"), R"("running")");
  EXPECT_EQ(at(board.now_of("b"), "from"), R"("a")");
  EXPECT_EQ(at(board.now_of("c"), "now"), R"("undeclared")");
}

TEST_F(BoardTest, FightsAreShownAsTheyAreGiven) {
  Fight fight{.resource = "a", .param = "content", .after = R"({"size":3})", .repairs = 7, .by = "vi"};
  EXPECT_NE(board.status({fight}).find(
                R"("fights": [{"resource": "a", "param": "content", "after": {"size":3}, "repairs": 7, )"),
            std::string::npos);
  EXPECT_EQ(status("fights"), "[]");
}

}  // namespace
}  // namespace mgmt::views
