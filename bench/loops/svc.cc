// SPDX-License-Identifier: GPL-3.0-or-later
// The bare loop over systemd's D-Bus calls, and the measure, the same for mgmt and for it:
//   loop_svc watch UNIT             starts the unit whenever systemd says that it has stopped
//   loop_svc measure UNIT REPEATS   stops it and waits until it runs again; one line of JSON, in µs from the signal
//   that it
//                                   has stopped to the signal that it runs
#include <fmt/format.h>
#include <poll.h>
#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
using Clock = std::chrono::steady_clock;

class Unit {
 public:
  explicit Unit(std::string name) : name_(std::move(name)), bus_(sdbus::createSystemBusConnection()) {
    manager_ = sdbus::createProxy(*bus_, kService, kPath);
    manager_->callMethod("Subscribe").onInterface(kManager);
    sdbus::ObjectPath path;
    manager_->callMethod("LoadUnit").onInterface(kManager).withArguments(name_).storeResultsTo(path);
    bus_->addMatch(
        fmt::format("type='signal',sender='{}',path='{}',interface='org.freedesktop.DBus.Properties',"
                    "member='PropertiesChanged',arg0='org.freedesktop.systemd1.Unit'",
                    kService, path),
        [this](sdbus::Message& message) { on_signal(message); }, sdbus::floating_slot);
  }

  void have_it(const char* method) {
    manager_->callMethodAsync(method)
        .onInterface(kManager)
        .withArguments(name_, std::string("replace"))
        .uponReplyInvoke([](const sdbus::Error* error, const sdbus::ObjectPath&) {
          if (error) {
            fmt::print(stderr, "loop_svc: {}\n", error->what());
            std::exit(1);
          }
        });
  }

  /// The ActiveState that the next signal tells.
  std::string next() {
    while (states_.empty()) {
      while (states_.empty() && bus_->processPendingRequest()) {
      }
      if (!states_.empty()) break;
      auto wanted = bus_->getEventLoopPollData();
      pollfd ready{.fd = wanted.fd, .events = wanted.events, .revents = 0};
      ::poll(&ready, 1, wanted.getPollTimeout());
    }
    std::string state = states_.front();
    states_.erase(states_.begin());
    return state;
  }
  void wait_for(const char* state) {
    while (next() != state) {
    }
  }

 private:
  void on_signal(sdbus::Message& message) {
    std::string interface;
    std::map<std::string, sdbus::Variant> changed;
    message >> interface >> changed;
    if (auto found = changed.find("ActiveState"); found != changed.end())
      states_.push_back(found->second.get<std::string>());
  }

  std::string name_;
  std::unique_ptr<sdbus::IConnection> bus_;
  std::unique_ptr<sdbus::IProxy> manager_;
  std::vector<std::string> states_;
};

void watch(Unit& unit) {
  fmt::print("ready\n");
  std::fflush(stdout);
  bool starting = false;
  while (true) {
    std::string state = unit.next();
    bool stopped = state == "inactive" || state == "failed";
    // systemd tells of a stop twice, with and without its job; a second start would undo the next stop.
    if (stopped && !starting) unit.have_it("StartUnit");
    starting = stopped;
  }
}

void measure(Unit& unit, int repeats) {
  std::vector<double> took;
  for (int i = 0; i < repeats; ++i) {
    unit.have_it("StopUnit");
    unit.wait_for("inactive");
    auto began = Clock::now();
    unit.wait_for("active");
    took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
  }
  std::ranges::sort(took);
  fmt::print("{{\"p50_us\": {}, \"p99_us\": {}}}\n", took[took.size() / 2], took[took.size() * 99 / 100]);
}

}  // namespace

int main(int count, char** words) {
  std::string mode = count > 2 ? words[1] : "";
  if (mode != "watch" && (mode != "measure" || count < 4)) {
    fmt::print(stderr, "usage: loop_svc watch UNIT | measure UNIT REPEATS\n");
    return 2;
  }
  try {
    Unit unit(words[2]);
    if (mode == "watch") watch(unit);
    else measure(unit, std::atoi(words[3]));
  } catch (const sdbus::Error& error) {
    fmt::print(stderr, "loop_svc: {}\n", error.what());
    return 1;
  }
}
