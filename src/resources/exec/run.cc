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

namespace {

// One read a turn, so that a command that prints without end leaves the loop to the others.
constexpr std::size_t kChunk = std::size_t{64} << 10;
// The most that a pipe can hold: what a command printed before its end is read, and what it left running can't keep us.
constexpr std::size_t kPipeLimit = std::size_t{1} << 20;

}  // namespace

struct CommandRun::State : std::enable_shared_from_this<State> {
  struct Source {
    Stream stream;
    Fd fd = {};
    Loop::FdWatch watch = {};
    LineSplitter lines = {};
  };

  State(Loop& on, std::chrono::seconds limit, OnLine line, OnEnd end, OnBytes bytes)
      : loop(on), timeout(limit), on_line(std::move(line)), on_end(std::move(end)), on_bytes(std::move(bytes)) {}

  Loop& loop;
  std::chrono::seconds timeout;
  OnLine on_line;
  OnEnd on_end;
  OnBytes on_bytes;
  Child child;
  Loop::FdWatch end_watch;
  std::optional<Loop::Timer> timer;
  Source out{.stream = Stream::Stdout};
  Source err{.stream = Stream::Stderr};
  /// Nothing is called any more. The calls themselves live on: one of them may be what is running.
  bool over = false;

  void begin(Child started);
  void follow(Source& source);
  std::size_t read_some(Source& source);
  void drain(Source& source);
  void line(const Source& source, std::string_view text);
  void finish(Result<Finished> result);
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
    Ending ending = child.reap();
    finish(Finished{.ending = ending, .pid = pid});
  });
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
    read_some(source);
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

void CommandRun::State::drop() {
  over = true;
  end_watch = {};
  for (Source* source : {&out, &err}) {
    source->watch = {};
    source->fd.reset();
  }
  timer.reset();
  child = Child();
}

CommandRun::CommandRun(Loop& loop, Spawner& spawner, Command command, std::chrono::seconds timeout, OnLine on_line,
                       OnEnd on_end, OnBytes on_bytes)
    : state_(std::make_shared<State>(loop, timeout, std::move(on_line), std::move(on_end), std::move(on_bytes))) {
  // The Spawner holds the state for the call, and makes none once it is gone.
  spawner.spawn(std::move(command), state_, [state = state_.get()](Result<Child> started) {
    if (state->over) return;
    if (started) state->begin(std::move(*started));
    else state->finish(std::unexpected(std::move(started.error())));
  });
}

CommandRun::~CommandRun() { state_->drop(); }

asio::awaitable<Finished> run_command(Loop& loop, Spawner& spawner, Command command, std::chrono::seconds timeout,
                                      OnLine on_line, OnBytes on_bytes) {
  asio::steady_timer end(loop.io(), TimePoint::max());  // never rings: cancelling it is the event
  std::optional<Result<Finished>> result;
  CommandRun run(
      loop, spawner, std::move(command), timeout, std::move(on_line),
      [&](Result<Finished> how) {
        result = std::move(how);
        end.cancel();
      },
      std::move(on_bytes));
  boost::system::error_code cancelled;
  co_await end.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (!result) throw boost::system::system_error(asio::error::operation_aborted);
  if (!*result) throw std::move(result->error());
  co_return **result;
}

}  // namespace mgmt::exec
