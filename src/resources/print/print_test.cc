// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "src/async/loop.h"
#include "src/async/process.h"
#include "src/events/inotify/file_watcher.h"
#include "src/resources/resource.h"
#include "src/resources/unsynced.h"

namespace mgmt {
namespace {

struct Collect : report::Reader {
  explicit Collect(std::vector<std::string>& into) : lines(into) {}
  void on_event(const report::Event& event) override {
    if (const auto* output = std::get_if<report::Output>(&event.body)) lines.push_back(output->line);
  }
  std::vector<std::string>& lines;
};

struct PrintTest : testing::Test {
  Loop loop;
  events::FileWatcher files{loop, [](const std::string&) {}};
  Spawner spawner{loop};
  Unsynced unsynced;
  report::Report report;
  Services services{loop, files, spawner, unsynced, report};
  std::vector<std::string> lines;

  std::unique_ptr<InlineResource> make(Params params) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind("print");
    declaration->name = "p";
    declaration->params = std::move(params);
    auto resource = declaration->kind->create(declaration, services);
    return std::unique_ptr<InlineResource>(&dynamic_cast<InlineResource&>(*resource.release()));
  }
  void SetUp() override { report.add(std::make_unique<Collect>(lines)); }
};

TEST_F(PrintTest, PrintsOnceAndIsFineThen) {
  Params params;
  params.set(0, Value("hello"), {});
  auto print = make(std::move(params));
  Delta delta = print->check({});
  ASSERT_FALSE(delta.empty());
  print->apply(delta);
  EXPECT_EQ(lines, std::vector<std::string>{"hello"});
  EXPECT_TRUE(print->check({}).empty());
}

TEST_F(PrintTest, RefreshOnlyStaysSilentUntilNotified) {
  Params params;
  params.set(0, Value("again\n"), {});
  params.set(1, Value(true), {});
  auto print = make(std::move(params));
  EXPECT_TRUE(print->check({}).empty());
  Delta delta = print->check({.refresh = true});
  ASSERT_EQ(delta.changes.size(), 1u);
  EXPECT_EQ(delta.changes[0].param, "refresh");
  print->apply(delta);
  EXPECT_EQ(lines, std::vector<std::string>{"again"});
}

TEST_F(PrintTest, ItsFirstPrintStandsForARefreshThatCameBefore) {
  auto print = make({});
  Delta delta = print->check({.refresh = true});
  ASSERT_EQ(delta.changes.size(), 1u);
  EXPECT_EQ(delta.changes[0].param, "msg");
}

TEST_F(PrintTest, ANoopPassesANotificationOn) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("noop");
  auto resource = declaration->kind->create(declaration, services);
  auto& noop = dynamic_cast<InlineResource&>(*resource);
  EXPECT_TRUE(noop.check({}).empty());
  EXPECT_FALSE(noop.check({.refresh = true}).empty());
}

}  // namespace
}  // namespace mgmt
