// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <thread>

#include "src/base/text.h"
#include "src/views/views.h"

namespace mgmt::views {
namespace {

using namespace report;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    in = Fd(ends[0]);
    out = Fd(ends[1]);
  }
  Fd in, out;
};

// Until the other end is closed.
std::string read_all(int fd) {
  std::string all;
  char buffer[65536];
  for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<std::size_t>(count));
  return all;
}

// A view of which every byte is known.
class Plain : public View {
 public:
  bool wants(const Body& body) const override { return !std::holds_alternative<Started>(body); }
  void show(const Event& event, std::string& out) override {
    if (const auto* output = std::get_if<Output>(&event.body)) out += output->line + "\n";
    if (const auto* progress = std::get_if<Progress>(&event.body)) out += "p" + std::to_string(progress->done) + "\n";
    if (std::holds_alternative<Summary>(event.body)) out += "summary\n";
  }
  void show_dropped(std::size_t count, std::string& out) override { out += "dropped " + std::to_string(count) + "\n"; }
  void finish(std::string& out) override { out += "end\n"; }
};

Event line(std::string text) { return {{}, Output{"exec[e]", std::move(text)}}; }
Event numbered(int number) { return line(std::to_string(number) + std::string(100, '.')); }

// Events that a text of Plain stands for.
std::size_t events_in(std::string_view text) {
  std::size_t count = 0;
  for (std::string_view each : split_lines(text)) {
    if (each.starts_with("dropped ")) count += std::stoul(std::string(each.substr(8)));
    else if (each != "summary" && each != "end") ++count;
  }
  return count;
}

TEST(Writer, AsksForAMomentWhileSomebodyReadsAndMuchWaits) {
  Pipe pipe;
  auto writer = std::make_unique<Writer>(
      std::move(pipe.out), std::make_unique<Plain>(),
      Writer::Limits{.output_bytes = 400'000, .lag_bytes = 200'000, .lag_patience = std::chrono::hours(1)});
  EXPECT_FALSE(writer->lags());
  int sent = 0;
  while (!writer->lags()) writer->on_event(numbered(sent++));
  // Far above that, what a command prints is dropped.
  while (sent < 10'000) writer->on_event(numbered(sent++));
  std::future<std::string> all = std::async(std::launch::async, [&] { return read_all(pipe.in.get()); });
  while (writer->lags()) std::this_thread::yield();
  writer->on_event(numbered(sent++));
  EXPECT_TRUE(writer->finish());
  writer.reset();
  std::string text = all.get();
  EXPECT_EQ(events_in(text), 10'001u);
  EXPECT_NE(text.find("dropped "), text.npos);
  EXPECT_LT(text.size(), 600'000u);
}

TEST(Writer, WhoDoesntReadIsNotWaitedFor) {
  Pipe pipe;
  Writer writer(std::move(pipe.out), std::make_unique<Plain>(),
                Writer::Limits{.lag_bytes = 1000, .lag_patience = milliseconds(0), .patience = milliseconds(1)});
  for (int i = 0; i < 10'000; ++i) writer.on_event(numbered(i));
  EXPECT_FALSE(writer.lags());
}

TEST(Writer, WritesAllInOrderBeforeItIsGone) {
  Pipe pipe;
  auto reader = std::async(std::launch::async, [&] { return read_all(pipe.in.get()); });
  {
    Writer writer(std::move(pipe.out), std::make_unique<Plain>(), Writer::Limits{.output_bytes = SIZE_MAX});
    for (int i = 0; i < 20000; ++i) writer.on_event(numbered(i));
  }
  std::string text = reader.get();
  auto lines = split_lines(text);
  ASSERT_EQ(lines.size(), 20001u);
  for (int i = 0; i < 20000; ++i)
    ASSERT_TRUE(lines[static_cast<std::size_t>(i)].starts_with(std::to_string(i) + ".")) << i;
  EXPECT_EQ(lines.back(), "end");
}

TEST(Writer, AReaderThatDoesNotReadCostsLinesAndNoTime) {
  Pipe pipe;
  auto writer =
      std::make_unique<Writer>(std::move(pipe.out), std::make_unique<Plain>(), Writer::Limits{.bytes = 200'000});
  // The pipe holds 64 KiB and the queue 200 kB: these would block for ever if they could.
  for (int i = 0; i < 50000; ++i) writer->on_event(numbered(i));
  writer->on_event({{}, Summary{}});
  auto reader = std::async(std::launch::async, [&] { return read_all(pipe.in.get()); });
  writer.reset();
  std::string text = reader.get();
  EXPECT_EQ(events_in(text), 50000u);
  auto lines = split_lines(text);
  EXPECT_LT(lines.size(), 40000u);
  ASSERT_GE(lines.size(), 3u);
  EXPECT_TRUE(lines[lines.size() - 3].starts_with("dropped "));
  EXPECT_EQ(lines[lines.size() - 2], "summary");
}

TEST(Writer, GoesOnAfterItDropped) {
  Pipe pipe;
  auto writer =
      std::make_unique<Writer>(std::move(pipe.out), std::make_unique<Plain>(), Writer::Limits{.bytes = 200'000});
  for (int i = 0; i < 50000; ++i) writer->on_event(numbered(i));
  std::string text;
  char buffer[65536];
  auto read_some = [&] {
    ssize_t count = read(pipe.in.get(), buffer, sizeof buffer);
    ASSERT_GT(count, 0);
    text.append(buffer, static_cast<std::size_t>(count));
  };
  while (!text.ends_with('\n') || events_in(text) < 50000) ASSERT_NO_FATAL_FAILURE(read_some());
  EXPECT_NE(text.find("\ndropped "), std::string::npos);
  // Each gives a line: the room is free at the latest when the one before has been taken.
  while (text.find("\nlater\n") == std::string::npos) {
    writer->on_event(line("later"));
    ASSERT_NO_FATAL_FAILURE(read_some());
  }
}

TEST(Writer, DoesNotWaitForAReaderThatNeverReads) {
  Pipe pipe;
  testing::internal::CaptureStderr();
  auto began = steady_clock::now();
  {
    Writer writer(std::move(pipe.out), std::make_unique<Plain>(), {.patience = milliseconds(50)});
    for (int i = 0; i < 5000; ++i) writer.on_event(numbered(i));
  }
  // Far above the patience for a busy machine, far below for ever.
  EXPECT_LT(steady_clock::now() - began, milliseconds(10000));
  std::string told = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(told.starts_with("mgmt: nobody read the report to its end: the last ")) << told;
}

TEST(Writer, WaitsForAReaderThatIsSlowerThanItsPatience) {
  Pipe pipe;
  auto reader = std::async(std::launch::async, [&] {
    std::string all;
    char buffer[8192];
    // 20 kB every 10 ms: in all far longer than the patience.
    for (;;) {
      for (int i = 0; i < 3; ++i) {
        ssize_t count = read(pipe.in.get(), buffer, sizeof buffer);
        if (count <= 0) return all;
        all.append(buffer, static_cast<std::size_t>(count));
      }
      poll(nullptr, 0, 10);
    }
  });
  {
    Writer writer(std::move(pipe.out), std::make_unique<Plain>(), {.patience = milliseconds(500)});
    for (int i = 0; i < 20000; ++i) writer.on_event(numbered(i));
  }
  EXPECT_TRUE(reader.get().ends_with("\nend\n"));
}

TEST(Writer, AReaderThatWentAwayIsNoError) {
  Pipe pipe;
  testing::internal::CaptureStderr();
  {
    Writer writer(std::move(pipe.out), std::make_unique<Plain>());
    pipe.in.reset();
    // SIGPIPE would end this test.
    for (int i = 0; i < 5000; ++i) writer.on_event(numbered(i));
    EXPECT_TRUE(writer.finish());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "mgmt: nobody reads the report any more, its pipe was closed: that doesn't end the run\n");
}

TEST(Writer, AFullDiskIsSaidOnce) {
  testing::internal::CaptureStderr();
  {
    Writer writer(Fd(open("/dev/full", O_WRONLY | O_CLOEXEC)), std::make_unique<Plain>());
    for (int i = 0; i < 5000; ++i) writer.on_event(numbered(i));
    EXPECT_FALSE(writer.finish());
    EXPECT_FALSE(writer.finish());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "mgmt: lines of the report are lost: writing to its output: No space left on device\n");
}

TEST(Writer, OfProgressOnlyTheLatestWaits) {
  Pipe pipe;
  auto writer = std::make_unique<Writer>(std::move(pipe.out), std::make_unique<Plain>());
  // While the pipe is full nothing is taken from the queue.
  for (int i = 0; i < 2000; ++i) writer->on_event(numbered(i));
  for (std::size_t i = 0; i < 100000; ++i) writer->on_event({{}, Progress{.done = i}});
  auto reader = std::async(std::launch::async, [&] { return read_all(pipe.in.get()); });
  writer.reset();
  std::string text = reader.get();
  EXPECT_NE(text.find("\np99999\n"), std::string::npos);
  EXPECT_LT(std::ranges::count(text, 'p'), 1000);
}

// The bytes that make_reader's reader writes for one change, into a new pipe.
std::string written(Options options) {
  Pipe pipe;
  options.fd = pipe.out.get();
  auto reader = make_reader(options);
  pipe.out.reset();
  reader->on_event({{}, Changed{.resource = "file[a]"}});
  reader.reset();
  return read_all(pipe.in.get());
}

TEST(MakeReader, APipeGetsPlainLines) {
  std::string text = written({});
  EXPECT_EQ(text.substr(text.find(' ') + 1), "changed file[a]\n");
  EXPECT_EQ(written({.color = Color::Always}).substr(text.find(' ') + 1), "\x1b[32mchanged\x1b[0m file[a]\n");
}

TEST(MakeReader, JsonAndTerminalAsAsked) {
  EXPECT_TRUE(written({.format = Format::Json}).starts_with("{\"time\": "));
  EXPECT_EQ(written({.format = Format::Terminal}), "changed file[a]\n");
}

TEST(MakeReader, NobodyToReadIsNoReader) {
  EXPECT_EQ(make_reader({.format = Format::None}), nullptr);
  EXPECT_EQ(make_reader({.fd = 987}), nullptr);
}

TEST(MakeReader, ATerminalGetsColourAndALiveLineOfItsWidth) {
  Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master || grantpt(master.get()) != 0 || unlockpt(master.get()) != 0) GTEST_SKIP() << "no pseudo-terminal here";
  Fd slave(open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(slave);
  winsize size{.ws_row = 24, .ws_col = 20, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(ioctl(slave.get(), TIOCSWINSZ, &size), 0);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  auto reader = make_reader({.fd = slave.get()});
  reader->on_event({{}, Changed{.resource = "file[a]"}});
  reader->on_event({{}, Progress{.resources = 9, .done = 1, .running = 1, .running_now = {"exec[long]"}}});
  std::string text;
  char buffer[4096];
  // The live line comes by itself, a tenth of a second later.
  while (text.find("…") == std::string::npos) {
    ssize_t count = read(master.get(), buffer, sizeof buffer);
    ASSERT_GT(count, 0);
    text.append(buffer, static_cast<std::size_t>(count));
  }
  EXPECT_EQ(text, "\x1b[32mchanged\x1b[0m file[a]\r\n1/9 done, 1 runnin…");
}

}  // namespace
}  // namespace mgmt::views
