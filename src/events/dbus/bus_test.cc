// SPDX-License-Identifier: GPL-3.0-or-later
// Against a dbus-daemon of the test's own, on a socket in a folder of its own.
#include "src/events/dbus/bus.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "src/base/fd.h"

namespace mgmt::events {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDriver = "org.freedesktop.DBus";

struct Listener : Bus::Listener {
  explicit Listener(Loop& l) : loop(l) {}
  void on_connected() override {
    ++connected;
    loop.stop();
  }
  void on_disconnected(const BusError& why) override {
    failures.push_back(why.text());
    loop.stop();
  }
  void on_signal(sdbus::Message& signal) override {
    signals.push_back(signal.getMemberName());
    loop.stop();
  }
  Loop& loop;
  int connected = 0;
  std::vector<std::string> failures, signals;
};

struct BusTest : testing::Test {
  Loop loop;
  Listener listener{loop};
  std::filesystem::path at = std::filesystem::temp_directory_path() / fmt::format("bus-{}", getpid());
  pid_t daemon = -1;

  void SetUp() override {
    std::filesystem::create_directories(at);
    ::setenv("DBUS_SESSION_BUS_ADDRESS", ("unix:path=" + (at / "bus").native()).c_str(), 1);
  }
  void TearDown() override {
    stop_daemon();
    std::filesystem::remove_all(at);
  }

  void start_daemon() {
    std::string address = "--address=unix:path=" + (at / "bus").native();
    std::string program = "dbus-daemon", session = "--session", fork = "--nofork", pid = "--nopidfile";
    char* words[] = {program.data(), session.data(), address.data(), fork.data(), pid.data(), nullptr};
    ASSERT_EQ(::posix_spawnp(&daemon, "dbus-daemon", nullptr, nullptr, words, environ), 0);
  }
  void stop_daemon() {
    if (daemon < 0) return;
    ::kill(daemon, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    daemon = -1;
    std::filesystem::remove(at / "bus");
  }
  template <class Condition>
  void run_until(Condition condition) {
    Loop::Timer limit(loop);
    bool late = false;
    limit.after(30s, [&] {
      late = true;
      loop.stop();
    });
    while (!condition() && !late) loop.run();
    ASSERT_FALSE(late);
  }
  std::unique_ptr<Bus> connect() {
    auto bus = std::make_unique<Bus>(
        loop, Bus::Which::Session,
        std::vector<std::string>{"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"}, listener);
    run_until([&] { return listener.connected > 0; });
    return bus;
  }
  static Bus::Call request_name(const std::string& name) {
    return {.destination = kDriver,
            .path = "/org/freedesktop/DBus",
            .interface = kDriver,
            .method = "RequestName",
            .arguments = [name](sdbus::MethodCall& call) { call << name << std::uint32_t{0}; }};
  }
};

TEST_F(BusTest, ACallIsAnsweredAndASignalTold) {
  start_daemon();
  auto bus = connect();
  std::uint32_t answer = 0;
  bus->call(request_name("org.example.Test"), [&](Bus::Reply reply) {
    ASSERT_TRUE(reply) << reply.error().text();
    *reply >> answer;
    loop.stop();
  });
  EXPECT_EQ(answer, 0u) << "answered from within the call";
  run_until([&] { return answer != 0; });
  EXPECT_EQ(answer, 1u);
  run_until([&] { return !listener.signals.empty(); });
  EXPECT_EQ(listener.signals.back(), "NameOwnerChanged");
}

TEST_F(BusTest, AnErrorHasItsName) {
  start_daemon();
  auto bus = connect();
  std::string name;
  bus->call(request_name("not a name"), [&](Bus::Reply reply) {
    name = reply ? "" : reply.error().name();
    loop.stop();
  });
  run_until([&] { return !name.empty(); });
  EXPECT_EQ(name, "org.freedesktop.DBus.Error.InvalidArgs");
}

TEST_F(BusTest, WhereThereIsNoBusItIsSaidAndTriedAgain) {
  Bus bus(loop, Bus::Which::Session, {}, listener);
  run_until([&] { return listener.failures.size() >= 2; });
  EXPECT_NE(listener.failures[0].find("No such file or directory"), std::string::npos) << listener.failures[0];
  bool refused = false;
  bus.call(request_name("org.example.Test"), [&](Bus::Reply reply) {
    refused = !reply && reply.error().is_disconnection();
    loop.stop();
  });
  EXPECT_FALSE(refused) << "refused from within the call";
  run_until([&] { return refused; });
  start_daemon();
  run_until([&] { return listener.connected == 1; });
}

TEST_F(BusTest, AConnectionThatBreaksIsMadeAgainAndItsCallsFail) {
  start_daemon();
  auto bus = connect();
  ::kill(daemon, SIGSTOP);
  bool failed = false;
  bus->call(request_name("org.example.Test"), [&](Bus::Reply reply) {
    failed = !reply && reply.error().is_disconnection();
    loop.stop();
  });
  loop.poll();
  EXPECT_FALSE(failed);
  stop_daemon();
  run_until([&] { return failed && !listener.failures.empty(); });
  start_daemon();
  run_until([&] { return listener.connected == 2; });
}

TEST_F(BusTest, ACallThatIsNotAnsweredEndsAtItsLimit) {
  start_daemon();
  auto bus = connect();
  ::kill(daemon, SIGSTOP);
  Bus::Call call = request_name("org.example.Test");
  call.limit = 50ms;
  std::string name;
  bus->call(std::move(call), [&](Bus::Reply reply) {
    name = reply ? "answered" : reply.error().name();
    loop.stop();
  });
  run_until([&] { return !name.empty(); });
  EXPECT_EQ(name, "org.freedesktop.DBus.Error.NoReply");
}

TEST_F(BusTest, ABusThatTakesConnectionsAndSaysNothingDoesNotHoldUpTheLoop) {
  Fd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, (at / "bus").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(silent.get(), 5), 0);
  Bus bus(loop, Bus::Which::Session, {}, listener);
  bool lives = false;
  Loop::Timer other(loop);
  other.after(20ms, [&] {
    lives = true;
    loop.stop();
  });
  run_until([&] { return lives; });
  EXPECT_EQ(listener.connected, 0);
}

}  // namespace
}  // namespace mgmt::events
