// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/trace.h"

#include <gtest/gtest.h>

#include "src/value/json.h"

namespace mgmt::views {
namespace {

using namespace report;
using namespace std::chrono_literals;

// The slices as "name category track begin-end", with the names of the tracks.
class TraceTest : public testing::Test {
 protected:
  void tell(std::chrono::microseconds at, Body body) {
    trace.show({std::chrono::system_clock::time_point(1h) + at, std::move(body)}, out);
  }
  std::vector<Map> events() {
    trace.finish(out);
    Result<Value> whole = value_from_json(out);
    EXPECT_TRUE(whole && whole->get_if<List>()) << out;
    std::vector<Map> found;
    for (const Value& one : whole->get<List>()) found.push_back(one.get<Map>());
    return found;
  }
  static std::string text(const Map& map, std::string_view key) {
    for (const auto& [name, value] : map) {
      if (name != key) continue;
      if (const auto* string = value.get_if<std::string>()) return *string;
      return to_json(value);
    }
    return "";
  }
  static std::int64_t number(const Map& map, std::string_view key) { return std::stoll(text(map, key)); }
  std::vector<std::string> slices() {
    std::vector<std::string> found;
    for (const Map& event : events())
      if (text(event, "ph") == "X")
        found.push_back(text(event, "name") + " " + text(event, "cat") + " " + text(event, "pid") + "/" +
                        text(event, "tid") + " " + text(event, "ts") + "-" +
                        std::to_string(number(event, "ts") + number(event, "dur")));
    return found;
  }

  std::string out;
  Trace trace{[](const std::string& resource) {
    return resource == "b" ? std::vector<std::string>{"a"} : std::vector<std::string>();
  }};
};

using Strings = std::vector<std::string>;

TEST_F(TraceTest, CheckAndApplyAreSlicesOnTheTrackOfTheirWorker) {
  tell(0us, GraphStarted{.name = "g"});
  tell(1000us, Changed{.resource = "a", .seconds = 300e-6, .timing = {.worker = 2, .check = 100e-6, .apply = 200e-6}});
  tell(2000us, Fine{"b", 50e-6, {.worker = 1, .check = 50e-6}});
  EXPECT_EQ(slices(), (Strings{"a check 1/2 700-800", "a apply 1/2 800-1000", "b check 1/1 1950-2000"}));
}

TEST_F(TraceTest, WhatWasToldLateStandsWhereItWas) {
  tell(0us, GraphStarted{.name = "g"});
  tell(1000us, Fine{"a", 100e-6, {.worker = 1, .check = 100e-6, .ago = 500e-6}});
  tell(1000us, Fine{"b", 100e-6, {.worker = 1, .check = 100e-6, .ago = 400e-6}});
  EXPECT_EQ(slices(), (Strings{"a check 1/1 400-500", "b check 1/1 500-600"}));
}

TEST_F(TraceTest, AWorkersSlicesNeverOverlap) {
  tell(0us, GraphStarted{.name = "g"});
  tell(1000us, Fine{"a", 100e-6, {.worker = 1, .check = 100e-6}});
  tell(1050us, Fine{"b", 100e-6, {.worker = 1, .check = 100e-6}});
  EXPECT_EQ(slices(), (Strings{"a check 1/1 900-1000", "b check 1/1 1000-1050"}));
}

TEST_F(TraceTest, BetweenCheckAndApplyItWaited) {
  tell(0us, GraphStarted{.name = "g"});
  tell(1000us,
       Changed{.resource = "a", .seconds = 900e-6, .timing = {.child = 4711, .check = 100e-6, .apply = 200e-6}});
  EXPECT_EQ(slices(), (Strings{"a check 2/4711 100-200", "a apply 2/4711 800-1000"}));
}

TEST_F(TraceTest, WhatIsNotKnownToBeOnAWorkerStandsWhereNothingOverlaps) {
  tell(0us, GraphStarted{.name = "g"});
  tell(1000us, Fine{"a", 500e-6});
  tell(1100us, Fine{"b", 500e-6});
  tell(2000us, Fine{"c", 500e-6});
  EXPECT_EQ(slices(), (Strings{"a check and apply 1/1000 500-1000", "b check and apply 1/1001 600-1100",
                               "c check and apply 1/1000 1500-2000"}));
}

TEST_F(TraceTest, EachProcessAndTrackIsNamedOnce) {
  tell(0us, GraphStarted{.name = "g"});
  for (int n = 1; n <= 3; ++n) {
    tell(n * 1000us, Fine{"a", 0, {.worker = 1, .check = 0}});
    tell(n * 1000us, Changed{.resource = "e", .timing = {.child = 7, .check = 0, .apply = 0}});
  }
  Strings names;
  for (const Map& event : events())
    if (text(event, "ph") == "M") names.push_back(text(event, "name") + " " + text(event, "args"));
  EXPECT_EQ(names, (Strings{R"(process_name {"name":"mgmt"})", R"(thread_name {"name":"worker 1"})",
                            R"(process_name {"name":"child processes"})", R"(thread_name {"name":"process 7"})"}));
}

TEST_F(TraceTest, AnArrowGoesFromAResourceToTheOneThatWaitedForIt) {
  tell(0us, GraphStarted{.name = "g"});
  tell(1000us, Fine{"a", 100e-6, {.worker = 1, .check = 100e-6}});
  tell(2000us, Fine{"b", 100e-6, {.worker = 2, .check = 100e-6}});
  Strings arrows;
  for (const Map& event : events())
    if (text(event, "cat") == "edge")
      arrows.push_back(text(event, "ph") + " " + text(event, "tid") + " " + text(event, "ts"));
  EXPECT_EQ(arrows, (Strings{"s 1 999", "f 2 1900"}));
}

}  // namespace
}  // namespace mgmt::views
