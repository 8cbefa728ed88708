// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/report/report.h"

#include <gtest/gtest.h>

namespace mgmt::report {
namespace {

struct Collect : Reader {
  explicit Collect(std::vector<Event>& into) : events(into) {}
  void on_event(const Event& event) override { events.push_back(event); }
  std::vector<Event>& events;
};

TEST(Report, NobodyReadsUntilAReaderIsThere) {
  Report report;
  EXPECT_FALSE(report.wanted());
  std::vector<Event> seen;
  report.add(std::make_unique<Collect>(seen));
  EXPECT_TRUE(report.wanted());
  report.emit(Started{"noop[a]"});
  report.emit(Converged{});
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(std::get<Started>(seen[0].body).resource, "noop[a]");
  EXPECT_LE(seen[0].time, seen[1].time);
}

TEST(Report, WhatIsHiddenIsInNoEvent) {
  Report report;
  std::vector<Event> seen;
  report.add(std::make_unique<Collect>(seen));
  Mask secrets;
  secrets.add("hunter2");
  report.hide(secrets);
  auto delta = std::make_shared<Delta>(Delta{{{.param = "cmd", .after = Value("login hunter2")}}});
  report.emit(Changed{.resource = "exec[a]", .delta = delta});
  report.emit(Failed{.resource = "exec[a]", .error = "hunter2 failed", .hint = "it printed hunter2"});
  report.emit(Output{.resource = "exec[a]", .line = "hunter2"});
  report.emit(Notice{.text = "a hunter2", .hint = "b hunter2"});
  EXPECT_EQ(std::get<Changed>(seen[0].body).delta->changes[0].after, Value("login ***"));
  EXPECT_EQ(delta->changes[0].after, Value("login hunter2")) << "who else has it keeps it as it is";
  EXPECT_EQ(std::get<Failed>(seen[1].body).error, "*** failed");
  EXPECT_EQ(std::get<Failed>(seen[1].body).hint, "it printed ***");
  EXPECT_EQ(std::get<Output>(seen[2].body).line, "***");
  EXPECT_EQ(std::get<Notice>(seen[3].body).text, "a ***");
  EXPECT_EQ(std::get<Notice>(seen[3].body).hint, "b ***");
}

TEST(Report, AReaderWhoseOutputFailedIsToldOfOnceAllHaveFinished) {
  struct Ends : Reader {
    Ends(bool is_whole, int& all) : whole(is_whole), finished(all) {}
    void on_event(const Event&) override {}
    bool finish() override { return ++finished, whole; }
    bool whole;
    int& finished;
  };
  int finished = 0;
  Report report;
  EXPECT_TRUE(report.close());
  for (bool whole : {true, false, true}) report.add(std::make_unique<Ends>(whole, finished));
  EXPECT_FALSE(report.close());
  EXPECT_EQ(finished, 3);
  EXPECT_FALSE(report.wanted());
}

}  // namespace
}  // namespace mgmt::report
