// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/terminal.h"

#include <gtest/gtest.h>

namespace mgmt::views {
namespace {

using namespace report;
using std::chrono::milliseconds;

// A terminal of so many columns, under a clock of ours.
struct Screen {
  explicit Screen(std::size_t width = 80) : columns(width) {}

  std::string show(Body body) {
    std::string out;
    terminal.show({{}, std::move(body)}, out);
    return out;
  }
  std::string redraw_at(int millis) {
    std::string out;
    terminal.redraw(View::Time(milliseconds(millis)), out);
    return out;
  }
  std::optional<int> due() const {
    auto time = terminal.due();
    if (!time) return std::nullopt;
    return static_cast<int>(std::chrono::duration_cast<milliseconds>(time->time_since_epoch()).count());
  }

  std::size_t columns;
  Terminal terminal{Prose{}, [this] { return columns; }};
};

Progress progress(std::size_t done, std::vector<std::string> running = {}, std::size_t failed = 0) {
  return {
      .resources = 100, .done = done, .running = running.size(), .failed = failed, .running_now = std::move(running)};
}

const std::string kErase = "\r\x1b[K";

TEST(Terminal, ARunOfAMomentDrawsNothing) {
  Screen screen;
  EXPECT_EQ(screen.show(progress(1)), "");
  EXPECT_EQ(screen.redraw_at(0), "");
  EXPECT_EQ(screen.show(Changed{.resource = "file[a]"}), "changed file[a]\n");
  EXPECT_EQ(screen.redraw_at(99), "");
}

TEST(Terminal, TheLatestProgressIsDrawnWhenItIsDue) {
  Screen screen;
  screen.redraw_at(0);
  EXPECT_EQ(screen.due(), std::nullopt);
  screen.show(progress(1));
  screen.show(progress(12, {"exec[a]", "exec[b]"}, 1));
  EXPECT_EQ(screen.due(), 100);
  EXPECT_EQ(screen.redraw_at(100), "12/100 done, 1 failed, 2 running: exec[a], exec[b]");
}

TEST(Terminal, AnIdleOneHasNothingDue) {
  Screen screen;
  screen.redraw_at(0);
  screen.show(progress(100));
  EXPECT_EQ(screen.redraw_at(100), "100/100 done");
  EXPECT_EQ(screen.due(), std::nullopt);
  EXPECT_EQ(screen.redraw_at(10000), "");
}

TEST(Terminal, TheSameTextIsNotDrawnTwice) {
  Screen screen;
  screen.redraw_at(0);
  screen.show(progress(5));
  EXPECT_EQ(screen.redraw_at(100), "5/100 done");
  screen.show(progress(5));
  EXPECT_EQ(screen.redraw_at(300), "");
  EXPECT_EQ(screen.due(), std::nullopt);
}

TEST(Terminal, ALineErasesTheLiveOneWhichComesBackInItsTime) {
  Screen screen;
  screen.redraw_at(0);
  screen.show(progress(5));
  screen.redraw_at(100);
  EXPECT_EQ(screen.show(Changed{.resource = "file[a]"}), kErase + "changed file[a]\n");
  EXPECT_EQ(screen.show(Changed{.resource = "file[b]"}), "changed file[b]\n");
  EXPECT_EQ(screen.redraw_at(150), "");
  EXPECT_EQ(screen.due(), 200);
  EXPECT_EQ(screen.redraw_at(200), "5/100 done");
  std::string out;
  screen.terminal.finish(out);
  EXPECT_EQ(out, kErase);
}

TEST(Terminal, ALateEventNeedsNoSecondWaiting) {
  Screen screen;
  screen.redraw_at(0);
  screen.show(progress(5));
  screen.redraw_at(100);
  screen.show(Changed{.resource = "file[a]", .repair = true});
  EXPECT_EQ(screen.redraw_at(60000), "5/100 done");
}

TEST(Terminal, TheLineIsCutToTheWidthOfTheMoment) {
  Screen screen(30);
  screen.redraw_at(0);
  screen.show(progress(5, {"exec[a-long-name]", "exec[another]"}));
  EXPECT_EQ(screen.redraw_at(100), "5/100 done, 2 running: exec[…");
  screen.columns = 20;
  screen.show(progress(6, {"exec[x]"}));
  EXPECT_EQ(screen.redraw_at(200), kErase + "6/100 done, 1 runn…");
}

TEST(Terminal, CutsBetweenLettersHoweverWide) {
  EXPECT_EQ(fit("abc", 4), "abc");
  EXPECT_EQ(fit("abcd", 4), "ab…");
  EXPECT_EQ(fit("äöüß", 4), "äö…");
  EXPECT_EQ(fit("日本", 5), "日本");
  EXPECT_EQ(fit("日本語", 6), "日本…");
  EXPECT_EQ(fit("日本語", 5), "日…");
  EXPECT_EQ(fit("abc", 1), "");
  EXPECT_EQ(fit("abc", 0), "");
}

TEST(Terminal, MoreAreRunningThanAreNamed) {
  Screen screen;
  screen.redraw_at(0);
  screen.show(Progress{.resources = 9, .running = 3, .running_now = {"exec[\x1b]"}});
  EXPECT_EQ(screen.redraw_at(100), "0/9 done, 3 running: exec[\\x1b], …");
}

}  // namespace
}  // namespace mgmt::views
