// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/svc/journal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "src/base/text.h"
#include "src/resources/svc/answer.h"

namespace mgmt::svc {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLines = 10;
constexpr std::size_t kWidth = 500;
constexpr std::size_t kBytes = std::size_t{64} << 10;
constexpr Duration kLimit = 1s;

// A child from its start to its end, or to the limit: then it is killed, and what it has printed counts.
struct Reading : std::enable_shared_from_this<Reading> {
  explicit Reading(Loop& on) : loop(on), limit(on), over(on) {}

  Loop& loop;
  Child child;
  Loop::FdWatch out, end;
  Loop::Timer limit;
  std::string text;
  Answer<bool> over;

  void begin(Child started) {
    child = std::move(started);
    out = Loop::FdWatch(loop, child.out().get(), [this] {
      if (!read_some()) out = {};
    });
    end = Loop::FdWatch(loop, child.pidfd(), [this] {
      auto keep = shared_from_this();
      end = {};
      while (read_some()) {
      }
      child.reap();
      finish();
    });
  }

  // False when there is nothing (now, or any more).
  bool read_some() {
    std::array<char, 4096> buffer;
    ssize_t got = ::read(child.out().get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    if (text.size() < kBytes) text.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  void finish() {
    out = {};
    end = {};
    limit.cancel();
    child = Child();
    over.set(true);
  }
};

asio::awaitable<std::string> output_of(Loop& loop, Spawner& spawner, std::vector<std::string> argv) {
  auto reading = std::make_shared<Reading>(loop);
  Command command{.argv = std::move(argv),
                  .env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                          {"LANG", "C.UTF-8"},
                          {"SYSTEMD_COLORS", "0"}}};
  for (const char* name : {"XDG_RUNTIME_DIR", "HOME"})  // the user's journal is found by these
    if (const char* value = std::getenv(name)) command.env.emplace_back(name, value);  // NOLINT(concurrency-mt-unsafe)
  spawner.spawn(std::move(command), reading, [state = reading.get()](Result<Child> started) {
    if (started) state->begin(std::move(*started));
    else state->finish();
  });
  reading->limit.after(kLimit, [state = reading.get()] { state->finish(); });
  co_await reading->over.get();
  co_return std::move(reading->text);
}

}  // namespace

asio::awaitable<std::string> journal_tail(Loop& loop, Spawner& spawner, std::string unit, bool session,
                                          std::chrono::system_clock::time_point since) {
  // What a process wrote last may still be on its way into the journal. Needs root; the user's is part of the
  // machine's.
  if (::geteuid() == 0) co_await output_of(loop, spawner, {"journalctl", "--sync"});
  std::int64_t seconds = std::chrono::duration_cast<std::chrono::microseconds>(since.time_since_epoch()).count();
  std::string journal = co_await output_of(
      loop, spawner,
      {"journalctl", session ? "--user-unit" : "--unit", unit, "--no-pager", "--quiet", "--output=cat",
       fmt::format("--lines={}", kLines), fmt::format("--since=@{}.{:06}", seconds / 1000000, seconds % 1000000)});
  std::string lines;
  for (std::string_view line : split_lines(journal)) lines += "\n  " + printable(line.substr(0, kWidth));
  co_return lines;
}

}  // namespace mgmt::svc
