// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/lines.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace mgmt::views {
namespace {

using namespace report;

// Local time as of a zone, for one test.
class Zone {
 public:
  explicit Zone(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
  ~Zone() {
    unsetenv("TZ");
    tzset();
  }
};

std::chrono::system_clock::time_point at(std::int64_t micros) {
  return std::chrono::system_clock::time_point(std::chrono::microseconds(micros));
}

TEST(Lines, EachEventHasItsLocalTimeWithMilliseconds) {
  Zone zone("XXX-05:30");
  Lines lines{Prose{}};
  std::string out;
  lines.show({at(1764000000123456), Converged{}}, out);
  lines.show({at(1764000000999999), Output{"exec[e]", "hello"}}, out);
  lines.show({at(1764000001000000), Failed{.resource = "file[x]", .error = "no", .hint = "yes"}}, out);
  EXPECT_EQ(out,
            "2025-11-24T21:30:00.123+05:30 converged\n"
            "2025-11-24T21:30:00.999+05:30 exec[e]: hello\n"
            "2025-11-24T21:30:01.000+05:30 failed file[x]: no\n"
            "    hint: yes\n");
}

TEST(Lines, WestOfGreenwichAndBeforeTheEpoch) {
  Zone zone("XXX03:30");
  Lines lines{Prose{}};
  std::string out;
  lines.show({at(-1000), Converged{}}, out);
  EXPECT_EQ(out, "1969-12-31T20:29:59.999-03:30 converged\n");
}

TEST(Lines, WhatIsNotWantedLeavesNoTrace) {
  Lines lines{Prose{}};
  std::string out;
  for (const Body& body :
       std::vector<Body>{Started{"file[a]"}, Fine{"file[a]", 1}, Progress{}, Notice{Notice::Level::Debug, "x"}}) {
    EXPECT_FALSE(lines.wants(body));
    lines.show({at(0), body}, out);
  }
  EXPECT_EQ(out, "");
}

TEST(Lines, DroppedEventsAreCounted) {
  Lines lines{Prose{}};
  std::string out;
  lines.show_dropped(3, out);
  EXPECT_EQ(out.substr(out.find(' ') + 1), "(3 events dropped: nobody read them in time)\n");
}

TEST(Lines, TheJournalGetsPrioritiesAndNoTime) {
  Lines lines{Prose{}, Lines::Begins::WithPriority};
  std::string out;
  lines.show({at(0), Changed{.resource = "file[a]"}}, out);
  lines.show({at(0), Failed{.resource = "file[x]", .error = "no", .hint = "yes"}}, out);
  lines.show({at(0), Notice{Notice::Level::Warning, "w"}}, out);
  lines.show_dropped(2, out);
  lines.show({at(0), Converged{}}, out);
  EXPECT_EQ(out,
            "<5>changed file[a]\n<3>failed file[x]: no\n<3>    hint: yes\n<4>warning: w\n"
            "<4>(2 events dropped: nobody read them in time)\n<6>converged\n");
}

}  // namespace
}  // namespace mgmt::views
