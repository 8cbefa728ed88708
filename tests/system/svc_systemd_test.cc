// SPDX-License-Identifier: GPL-3.0-or-later
// Check and apply of svc, without an engine, on the systemd of the box that svc_test.py runs this in.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/async/loop.h"
#include "src/async/process.h"
#include "src/events/inotify/file_watcher.h"
#include "src/resources/async_resource.h"
#include "src/resources/svc/svc.h"
#include "src/resources/unsynced.h"

namespace mgmt {
namespace {

namespace asio = boost::asio;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Words of the test's own.
void systemctl(const std::string& words) {
  ASSERT_EQ(std::system(("systemctl " + words).c_str()), 0) << words;  // NOLINT(cert-env33-c)
}

struct SvcTest : testing::Test {
  Loop loop;
  events::FileWatcher files{loop, [](const std::string&) {}};
  Spawner spawner{loop};
  Unsynced unsynced;
  report::Report report;
  Services services{loop, files, spawner, unsynced, report};
  std::string at, unit_file = "/usr/lib/systemd/system/refreshed.service";

  void SetUp() override {
    at = std::filesystem::temp_directory_path() / fmt::format("svc-{}", getpid());
    std::filesystem::create_directories(at);
    write(at + "/conf", "one\n");
    make_unit("ExecReload=/bin/kill -HUP $MAINPID\n");
    systemctl("daemon-reload");
  }
  void TearDown() override {
    systemctl("stop refreshed.service");
    std::filesystem::remove_all(at);
    std::filesystem::remove(unit_file);
    systemctl("daemon-reload");
  }

  void make_unit(const std::string& more) {
    write(unit_file,
          fmt::format("[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=notify\nExecStart={} {}/conf {}/log\n{}",
                      std::getenv("COUNTERD"), at, at, more));
  }

  std::unique_ptr<AsyncResource> make(const char* state = "running") {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = find_kind("svc");
    declaration->name = "refreshed";
    if (state) declaration->params.set(svc::kState, Value(std::string(state)), {});
    return std::unique_ptr<AsyncResource>(&dynamic_cast<AsyncResource&>(*make_svc(declaration, services).release()));
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    std::exception_ptr failure;
    std::optional<T> result;
    asio::co_spawn(loop.io(), std::move(work), [&](std::exception_ptr thrown, T value) {
      failure = std::move(thrown);
      result = std::move(value);
      loop.stop();
    });
    loop.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
  static asio::awaitable<bool> applied(AsyncResource& resource, Delta delta) {
    co_await resource.apply(std::move(delta));
    co_return true;
  }

  // A check and, if something differs, an apply; the Delta as text.
  std::string look(AsyncResource& resource, bool refresh) {
    Delta delta = run(resource.check({.refresh = refresh}));
    std::string text;
    for (const Change& change : delta.changes) text += (text.empty() ? "" : ", ") + to_text(change);
    if (!delta.empty()) run(applied(resource, delta));
    return text;
  }
  // The daemon takes a SIGHUP when it likes: the log is what it has done once it does.
  void expect_log(const std::string& text) {
    auto deadline = Clock::now() + std::chrono::seconds(20);
    while (read(at + "/log") != text && Clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(read(at + "/log"), text);
  }
};

TEST_F(SvcTest, ARefreshReloadsWhatCanBeReloaded) {
  auto resource = make();
  EXPECT_EQ(look(*resource, false), "state: stopped → running");
  write(at + "/conf", "two\n");
  EXPECT_EQ(look(*resource, true), "refresh: (none) → reload");
  expect_log("start one\nreload two\n");
  EXPECT_EQ(look(*resource, false), "");
}

TEST_F(SvcTest, ARefreshRestartsWhatCanNotBeReloaded) {
  make_unit("");
  systemctl("daemon-reload");
  auto resource = make();
  look(*resource, false);
  EXPECT_EQ(look(*resource, true), "refresh: (none) → restart");
  expect_log("start one\nstop\nstart one\n");
}

TEST_F(SvcTest, AnEditedUnitFileIsTakenUpByARestart) {
  auto resource = make();
  look(*resource, false);
  make_unit(fmt::format("ExecReload=/bin/kill -HUP $MAINPID\nExecStartPre=/bin/sh -c 'echo edited >> {}/log'\n", at));
  EXPECT_EQ(look(*resource, true), "refresh: (none) → restart");
  expect_log("start one\nstop\nedited\nstart one\n");
}

TEST_F(SvcTest, WhatThisRunHasJustStartedNeedsNoRefresh) {
  auto resource = make();
  EXPECT_EQ(look(*resource, true), "state: stopped → running");
  expect_log("start one\n");
}

TEST_F(SvcTest, WhatIsStoppedIsNotRefreshed) {
  auto stopped = make("stopped");
  EXPECT_EQ(look(*stopped, true), "");
  auto either = make(nullptr);
  EXPECT_EQ(look(*either, true), "");
  expect_log("");
}

TEST_F(SvcTest, WhatRunsIsRefreshedWithoutADeclaredState) {
  systemctl("start refreshed.service");
  auto resource = make(nullptr);
  EXPECT_EQ(look(*resource, true), "refresh: (none) → reload");
  expect_log("start one\nreload one\n");
}

TEST_F(SvcTest, AReloadThatFailsIsAnError) {
  make_unit("ExecReload=/bin/sh -c 'echo no reload today; exit 1'\n");
  systemctl("daemon-reload");
  auto resource = make();
  look(*resource, false);
  try {
    look(*resource, true);
    FAIL() << "it did not throw";
  } catch (const Error& error) {
    EXPECT_NE(error.text().find("reloading refreshed.service: failed"), std::string::npos) << error.text();
    EXPECT_NE(error.hint_text().find("no reload today"), std::string::npos) << error.hint_text();
  }
}

TEST_F(SvcTest, AStartOfOursIsNoEventForUs) {
  auto resource = make();
  int events = 0;
  Subscriptions subscriptions;
  resource->watch(subscriptions, [&](Look) { ++events; });
  look(*resource, false);
  // What systemd had to say of it has been said once it answers another call.
  look(*resource, false);
  EXPECT_EQ(events, 0);
  systemctl("stop refreshed.service");
  while (events == 0) {
    loop.poll();
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace mgmt
