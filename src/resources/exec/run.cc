// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/exec/run.h"

#include <unistd.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <optional>

#include "src/resources/exec/output.h"

namespace mgmt::exec {

namespace asio = boost::asio;
using Stream = report::Output::Stream;
using namespace std::chrono_literals;

namespace {

// One read a turn, so that a command that prints without end leaves the loop to the others.
constexpr std::size_t kChunk = std::size_t{4} << 10;
constexpr Duration kHoldTime = 1ms;
// The most that a pipe can hold: what a command printed before its end is read, and what it left running can't keep us.
constexpr std::size_t kPipeLimit = std::size_t{1} << 20;
// What a relay still holds of a command that has ended.
constexpr Duration kRelayTime = 250ms;

}  // namespace

struct CommandRun::State : std::enable_shared_from_this<State> {
  struct Source {
    Stream stream;
    Fd fd = {};
    Loop::FdWatch watch = {};
    LineSplitter lines = {};
    std::optional<Loop::Timer> held = {};
  };

  State(Loop& on, Duration limit, Reading by, OnEnd end)
      : loop(on),
        timeout(limit),
        on_line(std::move(by.on_line)),
        on_bytes(std::move(by.on_bytes)),
        hold(std::move(by.hold)),
        on_end(std::move(end)) {}

  Loop& loop;
  Duration timeout;
  OnLine on_line;
  OnBytes on_bytes;
  std::function<bool()> hold;
  OnEnd on_end;
  Child child;
  Loop::FdWatch end_watch;
  std::optional<Loop::Timer> timer;
  Command::OnStop on_stop = Command::OnStop::Kill;
  /// How it ended, while the last of what it printed is on its way.
  std::optional<Finished> ended;
  std::size_t rest = 0;
  Source out{.stream = Stream::Stdout};
  Source err{.stream = Stream::Stderr};
  /// Nothing is called any more. The calls themselves live on: one of them may be what is running.
  bool over = false;

  void begin(Child started);
  void follow(Source& source);
  void hold_back(Source& source);
  std::size_t read_some(Source& source);
  void drain(Source& source);
  void line(const Source& source, std::string_view text);
  void finish(Result<Finished> result);
  void finish_if_read();
  void read_rest();
  void drop();
};

void CommandRun::State::begin(Child started) {
  child = std::move(started);
  out.fd = std::move(child.out());
  err.fd = std::move(child.err());
  follow(out);
  follow(err);
  end_watch = Loop::FdWatch(loop, child.pidfd(), [this] {
    auto keep = shared_from_this();
    end_watch = {};
    pid_t pid = child.pid();
    ended = Finished{.ending = child.reap(), .pid = pid};
    timer.emplace(loop);
    if (on_stop != Command::OnStop::Leave) return read_rest();
    timer->after(kRelayTime, [this] { read_rest(); });
    finish_if_read();
  });
  if (on_stop == Command::OnStop::Leave) {
    child.on_left([this] {
      auto keep = shared_from_this();
      finish(std::unexpected(Error("left running: mgmt has ended")));
    });
  }
  if (timeout.count() > 0) {
    timer.emplace(loop);
    timer->after(timeout, [this] {
      auto keep = shared_from_this();
      end_watch = {};
      pid_t pid = child.pid();
      child = Child();
      finish(Finished{.ending = {.signal = SIGKILL}, .pid = pid, .timed_out = true});
    });
  }
}

void CommandRun::State::follow(Source& source) {
  source.watch = Loop::FdWatch(loop, source.fd.get(), [this, &source] {
    auto keep = shared_from_this();
    if (hold && hold()) return hold_back(source);
    read_some(source);
    if (ended) finish_if_read();
  });
}

void CommandRun::State::hold_back(Source& source) {
  source.watch = {};
  if (!source.held) source.held.emplace(loop);
  source.held->after(kHoldTime, [this, &source] {
    if (source.fd) follow(source);
  });
}

// The number of bytes; 0 if there is nothing now, or never again.
std::size_t CommandRun::State::read_some(Source& source) {
  if (!source.fd) return 0;
  std::array<char, kChunk> buffer;  // not initialised: most reads are short
  ssize_t got = ::read(source.fd.get(), buffer.data(), buffer.size());
  if (got > 0) {
    auto size = static_cast<std::size_t>(got);
    if (on_bytes && !over) on_bytes(source.stream, {buffer.data(), size});
    if (on_line) source.lines.feed({buffer.data(), size}, [&](std::string_view text) { line(source, text); });
    return size;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  source.watch = {};
  source.fd.reset();
  return 0;
}

void CommandRun::State::drain(Source& source) {
  std::size_t total = 0;
  while (!over && total < kPipeLimit) {
    std::size_t got = read_some(source);
    if (got == 0) break;
    total += got;
  }
  source.lines.finish([&](std::string_view text) { line(source, text); });
}

void CommandRun::State::line(const Source& source, std::string_view text) {
  if (!over && on_line) on_line(source.stream, text);
}

void CommandRun::State::finish(Result<Finished> result) {
  drain(out);
  drain(err);
  if (over) return;
  drop();
  on_end(std::move(result));
}

void CommandRun::State::finish_if_read() {
  if (ended && !over && !out.fd && !err.fd) finish(*ended);
}

// What a command that has ended had printed: no faster than it is shown.
void CommandRun::State::read_rest() {
  auto keep = shared_from_this();
  for (Source* source : {&out, &err}) {
    while (rest < kPipeLimit) {
      if (hold && hold()) return timer->after(kHoldTime, [this] { read_rest(); });
      std::size_t got = read_some(*source);
      if (got == 0) break;
      rest += got;
    }
  }
  finish(*ended);
}

void CommandRun::State::drop() {
  over = true;
  end_watch = {};
  for (Source* source : {&out, &err}) {
    source->watch = {};
    source->held.reset();
    source->fd.reset();
  }
  timer.reset();
  child = Child();
}

CommandRun::CommandRun(Loop& loop, Spawner& spawner, Command command, Duration timeout, Reading by, OnEnd on_end)
    : state_(std::make_shared<State>(loop, timeout, std::move(by), std::move(on_end))) {
  state_->on_stop = command.on_stop;
  // The Spawner holds the state for the call, and makes none once it is gone.
  spawner.spawn(std::move(command), state_, [state = state_.get()](Result<Child> started) {
    if (state->over) return;
    if (started) state->begin(std::move(*started));
    else state->finish(std::unexpected(std::move(started.error())));
  });
}

CommandRun::~CommandRun() { state_->drop(); }

bool CommandRun::outlasts_stop() const { return state_->on_stop == Command::OnStop::Wait && state_->child; }

asio::awaitable<Finished> run_command(Loop& loop, Spawner& spawner, Command command, Duration timeout, Reading by) {
  asio::steady_timer end(loop.io(), TimePoint::max());  // never rings: cancelling it is the event
  std::optional<Result<Finished>> result;
  CommandRun run(loop, spawner, std::move(command), timeout, std::move(by), [&](Result<Finished> how) {
    result = std::move(how);
    end.cancel();
  });
  boost::system::error_code cancelled;
  co_await end.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (!result && spawner.stopping() && run.outlasts_stop()) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    end.expires_at(TimePoint::max());
    co_await end.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  if (!result) throw boost::system::system_error(asio::error::operation_aborted);
  if (!*result) throw std::move(result->error());
  co_return **result;
}

}  // namespace mgmt::exec
