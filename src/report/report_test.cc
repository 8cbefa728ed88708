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

}  // namespace
}  // namespace mgmt::report
