// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/dbus/bus.h"

#include <poll.h>
#include <sdbus-c++/sdbus-c++.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <deque>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "src/base/fd.h"

namespace mgmt::events {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kDisconnected = "org.freedesktop.DBus.Error.Disconnected";
// A bus that doesn't answer the handshake in this time is said to be missing; it may still come.
constexpr Duration kPatience = 10s;
// Calls under way at once: a dbus-daemon allows 128 on the system's bus, and refuses more.
constexpr std::size_t kAtOnce = 100;
// Messages a turn, so that a flood of signals leaves the loop to the others.
constexpr int kBatch = 256;

BusError to_bus_error(const sdbus::Error& error) {
  return {error.getName(), error.getMessage().empty() ? error.getName() : error.getMessage()};
}

// A connection on its way; shared with the thread that makes it, which may outlive the Bus.
struct Attempt {
  /// Readable when the thread is done with the others.
  Fd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::unique_ptr<sdbus::IConnection> connection;
  std::optional<BusError> failure;
};

// Both directions of the connection's descriptor, which stays its own.
class Waits : public std::enable_shared_from_this<Waits> {
 public:
  Waits(Loop& loop, int fd, std::function<void()> ready) : descriptor_(loop.io(), fd), ready_(std::move(ready)) {}
  void want(short events) {
    if ((events & POLLIN) != 0) wait(asio::posix::descriptor_base::wait_read, reading_);
    if ((events & POLLOUT) != 0) wait(asio::posix::descriptor_base::wait_write, writing_);
  }
  void close() {
    ready_ = nullptr;
    descriptor_.release();
  }

 private:
  void wait(asio::posix::descriptor_base::wait_type what, bool& waiting) {
    if (std::exchange(waiting, true)) return;
    descriptor_.async_wait(what, [self = shared_from_this(), &waiting](boost::system::error_code failure) {
      waiting = false;
      if (!failure && self->ready_) self->ready_();
    });
  }

  asio::posix::stream_descriptor descriptor_;
  std::function<void()> ready_;
  bool reading_ = false, writing_ = false;
};

}  // namespace

bool BusError::is_disconnection() const {
  return name_ == kDisconnected || name_ == "org.freedesktop.DBus.Error.NoReply" ||
         name_ == "org.freedesktop.DBus.Error.NameHasNoOwner" || name_ == "org.freedesktop.DBus.Error.ServiceUnknown";
}

struct Bus::State : std::enable_shared_from_this<State> {
  struct Pending {
    /// Null while it waits, or if it was refused.
    std::unique_ptr<sdbus::IProxy> proxy;
    std::move_only_function<void(Reply)> done;
  };

  State(Loop& on, Which what, std::vector<std::string> rules, Listener& to)
      : loop(on), which(what), matches(std::move(rules)), listener(&to), again(on), call_limit(on), patience(on) {}

  Loop& loop;
  Which which;
  std::vector<std::string> matches;
  Listener* listener;  // null once the Bus is gone
  std::shared_ptr<Attempt> attempt;
  Loop::FdWatch attempt_done;
  std::unique_ptr<sdbus::IConnection> connection;
  std::shared_ptr<Waits> waits;
  Loop::Timer again, call_limit, patience;
  Duration delay = kFirstDelay;
  std::map<std::uint64_t, Pending> pending;
  std::uint64_t last_call = 0;
  /// Those that wait until one under way is answered, in their order.
  std::deque<std::pair<std::uint64_t, Call>> waiting;
  std::size_t under_way = 0;
  // A proxy can't be destroyed by the call that it makes.
  std::vector<Pending> answered;
  bool processing = false;
  bool turn_posted = false;

  void begin();
  void on_attempt();
  void failed(const BusError& why);
  void process();
  void rearm();
  void process_soon();
  void send(std::uint64_t id, Call call);
  void refuse(std::uint64_t id, const BusError& error);
  void answer(std::uint64_t id, Reply reply);
  void drop_connection();
};

void Bus::State::begin() {
  attempt = std::make_shared<Attempt>();
  if (!attempt->done) return failed({std::string(kDisconnected), Error::system(errno, "making an eventfd").text()});
  attempt_done = Loop::FdWatch(loop, attempt->done.get(), [this] { on_attempt(); });
  // Signals are dispatched by process() only, on the loop's thread.
  auto on_match = [state = weak_from_this()](sdbus::Message& message) {
    auto self = state.lock();
    if (self && self->listener) self->listener->on_signal(message);
  };
  try {
    std::thread([attempt = attempt, which = which, matches = matches, on_match] {
      try {
        auto made = which == Which::System ? sdbus::createSystemBusConnection() : sdbus::createSessionBusConnection();
        for (const std::string& match : matches) made->addMatch(match, on_match, sdbus::floating_slot);
        attempt->connection = std::move(made);
      } catch (const sdbus::Error& error) {
        attempt->failure = to_bus_error(error);
      }
      std::uint64_t one = 1;
      [[maybe_unused]] ssize_t written = ::write(attempt->done.get(), &one, sizeof one);  // can't fail from 0
    }).detach();
  } catch (const std::system_error& error) {
    return failed({std::string(kDisconnected), error.what()});
  }
  patience.after(kPatience, [this] {
    if (listener) listener->on_disconnected({"org.freedesktop.DBus.Error.Timeout", "it doesn't answer"});
  });
}

void Bus::State::on_attempt() {
  auto keep = shared_from_this();
  std::uint64_t count = 0;
  if (::read(attempt->done.get(), &count, sizeof count) != sizeof count) return;
  attempt_done = {};
  patience.cancel();
  auto made = std::exchange(attempt, nullptr);
  if (made->failure) return failed(*made->failure);
  connection = std::move(made->connection);
  delay = kFirstDelay;
  try {
    waits = std::make_shared<Waits>(loop, connection->getEventLoopPollData().fd, [this] { process(); });
  } catch (const sdbus::Error& error) {
    return failed(to_bus_error(error));
  }
  listener->on_connected();
  process();
}

void Bus::State::failed(const BusError& why) {
  auto keep = shared_from_this();
  attempt_done = {};
  attempt.reset();
  patience.cancel();
  drop_connection();
  again.after(delay, [this] { begin(); });
  delay = std::min(delay * 2, kLongestDelay);
  std::map<std::uint64_t, Pending> unanswered = std::exchange(pending, {});
  waiting.clear();
  under_way = 0;
  for (auto& [id, call] : unanswered) call.done(std::unexpected(BusError(std::string(kDisconnected), why.text())));
  if (listener) listener->on_disconnected(why);
}

void Bus::State::drop_connection() {
  if (waits) waits->close();
  waits.reset();
  call_limit.cancel();
  for (auto& [id, call] : pending) call.proxy.reset();
  answered.clear();
  connection.reset();
}

// Reads, dispatches and writes what there is; then waits for more.
void Bus::State::process() {
  if (!connection) return;
  auto keep = shared_from_this();
  try {
    processing = true;
    bool more = true;
    for (int batch = 0; batch < kBatch && more && listener; ++batch) more = connection->processPendingRequest();
    processing = false;
    answered.clear();
    if (!listener) return;
    if (more) return process_soon();
    rearm();
  } catch (const sdbus::Error& error) {
    processing = false;
    failed(to_bus_error(error));
  }
}

void Bus::State::process_soon() {
  if (std::exchange(turn_posted, true)) return;
  loop.post([self = shared_from_this()] {
    self->turn_posted = false;
    if (self->listener) self->process();
  });
}

void Bus::State::rearm() {
  auto poll = connection->getEventLoopPollData();
  waits->want(poll.events);
  if (poll.timeout_usec == UINT64_MAX) call_limit.cancel();
  else call_limit.at(TimePoint(std::chrono::microseconds(poll.timeout_usec)), [this] { process(); });
}

void Bus::State::answer(std::uint64_t id, Reply reply) {
  auto found = pending.find(id);
  if (found == pending.end()) return;
  Pending call = std::move(found->second);
  pending.erase(found);
  auto done = std::move(call.done);
  if (call.proxy) {
    --under_way;
    answered.push_back(std::move(call));
  }
  while (!waiting.empty() && under_way < kAtOnce) {
    auto [next, what] = std::move(waiting.front());
    waiting.pop_front();
    send(next, std::move(what));
  }
  done(std::move(reply));
}

// Posted: nobody is called from within his call.
void Bus::State::refuse(std::uint64_t id, const BusError& error) {
  loop.post([self = shared_from_this(), id, error] { self->answer(id, std::unexpected(error)); });
}

void Bus::State::send(std::uint64_t id, Call call) {
  try {
    auto proxy = sdbus::createProxy(*connection, std::move(call.destination), std::move(call.path));
    sdbus::MethodCall message = proxy->createMethodCall(call.interface, call.method);
    if (call.arguments) call.arguments(message);
    proxy->callMethod(
        message,
        // The State outlives its connection, and so all calls of this.
        [this, id](sdbus::MethodReply& reply, const sdbus::Error* error) {
          if (error) answer(id, std::unexpected(to_bus_error(*error)));
          else answer(id, reply);
        },
        std::chrono::duration_cast<std::chrono::microseconds>(call.limit));
    pending[id].proxy = std::move(proxy);
    ++under_way;
    // What is queued is written, and the limit counted, at the end of this turn: one for many calls.
    if (!processing) process_soon();
  } catch (const sdbus::Error& error) {
    refuse(id, to_bus_error(error));
  }
}

Bus::Bus(Loop& loop, Which which, std::vector<std::string> matches, Listener& listener)
    : state_(std::make_shared<State>(loop, which, std::move(matches), listener)) {
  // Posted, so that the listener is whole before it is called.
  state_->again.after(0s, [state = state_.get()] { state->begin(); });
}

Bus::~Bus() {
  State& s = *state_;
  s.listener = nullptr;
  s.again.cancel();
  s.patience.cancel();
  s.attempt_done = {};
  s.waiting.clear();
  s.pending.clear();
  s.drop_connection();
}

void Bus::call(Call call, std::move_only_function<void(Reply)> done) {
  State& s = *state_;
  std::uint64_t id = ++s.last_call;
  s.pending[id] = {.proxy = nullptr, .done = std::move(done)};
  if (!s.connection) s.refuse(id, {std::string(kDisconnected), "there is no connection to D-Bus"});
  else if (s.under_way >= kAtOnce) s.waiting.emplace_back(id, std::move(call));
  else s.send(id, std::move(call));
}

}  // namespace mgmt::events
