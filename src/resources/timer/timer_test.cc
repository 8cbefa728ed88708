// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "src/async/loop.h"
#include "src/async/process.h"
#include "src/events/inotify/file_watcher.h"
#include "src/resources/resource.h"
#include "src/resources/unsynced.h"

namespace mgmt {
namespace {

TEST(Timer, TicksSayLookAgainUntilTheSubscriptionIsGone) {
  Loop loop;
  events::FileWatcher files{loop, [](const std::string&) {}};
  Spawner spawner{loop};
  Unsynced unsynced;
  report::Report report;
  Services services{loop, files, spawner, unsynced, report};
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("timer");
  declaration->params.set(0, Value("1s"), {});
  auto timer = declaration->kind->create(declaration, services);

  Subscriptions subscriptions;
  int ticks = 0;
  TimePoint start = Clock::now();
  timer->watch(subscriptions, [&](Look look) {
    EXPECT_EQ(look, Look::Again);
    if (++ticks == 2) loop.stop();
  });
  loop.run();
  EXPECT_GE(Clock::now() - start, std::chrono::seconds(2));
  subscriptions.clear();
  loop.poll();
  EXPECT_EQ(ticks, 2);
}

}  // namespace
}  // namespace mgmt
