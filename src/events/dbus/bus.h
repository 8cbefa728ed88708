// SPDX-License-Identifier: GPL-3.0-or-later
// Bus: one connection to a D-Bus message bus, served by the Loop: every call is asynchronous and has a time limit, and
// no call here blocks. It is made, and made again when it breaks, by itself: after 100 ms at first, 30 s at last.
//
//   Bus bus(loop, Bus::Which::System, {"type='signal',member='JobRemoved'"}, listener);
//   bus.call({.path = kManager, .interface = ..., .method = "Reload"}, [](Bus::Reply reply) { ... });
//
// What makes the connection does block (the handshake, and the matches, which libsystemd installs by a call that waits
// for its answer), so a short thread of its own does that and hands the connection over.
// Lives on the loop's thread. Needs libsdbus-c++, so it is linked into modules only, never into the core.
#pragma once

#include <sdbus-c++/Message.h>

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/async/loop.h"
#include "src/base/error.h"

namespace mgmt::events {

/// What a call or a connection failed of; `name` is D-Bus's, "org.freedesktop.DBus.Error.AccessDenied".
class BusError : public Error {
 public:
  BusError(std::string name, std::string text) : Error(std::move(text)), name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  /// The connection broke, or whom it went to went away: worth another try.
  bool is_disconnection() const;

 private:
  std::string name_;
};

class Bus {
 public:
  enum class Which { System, Session };

  /// Called from the loop; may call the Bus, but not destroy it.
  class Listener {
   public:
    virtual ~Listener() = default;
    /// The matches are installed: what happens from now on is told. What happened before isn't known.
    virtual void on_connected() = 0;
    /// It could not be made, or is lost. Calls that were under way have failed.
    virtual void on_disconnected(const BusError& why) = 0;
    virtual void on_signal(sdbus::Message& signal) = 0;
  };

  /// `matches` as in dbus-daemon(1): the signals that are wanted.
  Bus(Loop& loop, Which which, std::vector<std::string> matches, Listener& listener);
  ~Bus();

  struct Call {
    std::string destination;
    std::string path;
    std::string interface;
    std::string method;
    /// Appends the arguments. May be empty.
    std::function<void(sdbus::MethodCall&)> arguments = {};
    /// From when it is sent: a hundred are under way at once, the others wait.
    Duration limit = std::chrono::seconds(30);
  };
  using Reply = std::expected<sdbus::MethodReply, BusError>;
  /// `done` is called once, from the loop and never from within call(), unless the Bus is destroyed before.
  void call(Call call, std::move_only_function<void(Reply)> done);

  /// How long a broken connection waits before it is made again: the first time, and at most.
  static constexpr Duration kFirstDelay = std::chrono::milliseconds(100);
  static constexpr Duration kLongestDelay = std::chrono::seconds(30);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mgmt::events
