// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/noise.h"

#include <gtest/gtest.h>

namespace mgmt::views {
namespace {

using namespace report;
using std::chrono::milliseconds;

Failed failed(const std::string& resource, const std::string& error, std::uint32_t times = 1) {
  return {.resource = resource, .error = error, .times = times};
}

// "file[a]", or the text of a notice.
std::vector<std::string> words(const std::vector<Body>& bodies) {
  std::vector<std::string> out;
  for (const Body& body : bodies) {
    if (const auto* one = std::get_if<Failed>(&body)) out.push_back(one->resource);
    if (const auto* notice = std::get_if<Notice>(&body)) out.push_back(notice->text);
    if (std::holds_alternative<Settled>(body)) out.emplace_back("settled");
  }
  return out;
}
using Words = std::vector<std::string>;
Noise::Time at(int millis) { return Noise::Time(milliseconds(millis)); }

TEST(Noise, OneCauseOnManyResourcesIsOneInFullAndOneLineWithTheirNumber) {
  Noise noise;
  EXPECT_EQ(words(noise.take(failed("file[f0]", "creating /ro/f0: Read-only file system"))), Words{"file[f0]"});
  for (int i = 1; i < 500; ++i)
    EXPECT_EQ(words(noise.take(failed("file[f" + std::to_string(i) + "]",
                                      "creating /ro/f" + std::to_string(i) + ": Read-only file system"))),
              Words{});
  EXPECT_EQ(words(noise.ripe(at(0))), Words{});
  EXPECT_EQ(noise.due(), at(250));
  EXPECT_EQ(words(noise.ripe(at(250))),
            Words{"499 more resources failed for the same reason: file[f1], file[f2], file[f3] and 496 more"});
  // It goes on, and is told of less often; then it is over.
  EXPECT_EQ(noise.due(), at(750));
  EXPECT_EQ(words(noise.ripe(at(750))), Words{});
  EXPECT_EQ(noise.due(), std::nullopt);
}

TEST(Noise, AnotherCauseIsSaidAtOnce) {
  Noise noise;
  EXPECT_EQ(words(noise.take(failed("file[a]", "creating /a: Permission denied"))), Words{"file[a]"});
  EXPECT_EQ(words(noise.take(failed("file[b]", "creating /b: No space left on device"))), Words{"file[b]"});
  EXPECT_EQ(words(noise.take(failed("svc[x]", "no unit x.service"))), Words{"svc[x]"});
}

TEST(Noise, OfTwoBothAreSaidInFull) {
  Noise noise;
  noise.take(failed("file[a]", "creating /a: Permission denied"));
  noise.take(failed("file[b]", "creating /b: Permission denied"));
  EXPECT_EQ(words(noise.flush()), Words{"file[b]"});
}

TEST(Noise, WhatWasGatheredComesBeforeTheOutcome) {
  Noise noise;
  for (const char* name : {"a", "b", "c"}) noise.take(failed("file[" + std::string(name) + "]", "no"));
  EXPECT_EQ(words(noise.take(Settled{.failed = 3})),
            (Words{"2 more resources failed for the same reason: file[b], file[c]", "settled"}));
}

TEST(Noise, TheSameFailureOfAResourceIsSaidAtPowersOfTwo) {
  Noise noise;
  std::vector<int> said;
  for (int i = 1; i <= 40; ++i) {
    if (!noise.take(failed("exec[x]", "exit status 1", static_cast<std::uint32_t>(i))).empty()) said.push_back(i);
  }
  EXPECT_EQ(said, (std::vector<int>{1, 2, 4, 8, 16, 32}));
  // After a success it is news again, and so is another error.
  noise.flush();
  EXPECT_EQ(noise.take(failed("exec[x]", "exit status 1", 1)).size(), 1u);
  noise.flush();
  EXPECT_EQ(noise.take(failed("exec[x]", "exit status 1", 3)).size(), 0u);
  EXPECT_EQ(noise.take(failed("exec[x]", "exit status 2", 4)).size(), 1u);
}

TEST(Noise, TheCauseIsWhatIsLeftWithoutNamesAndPaths) {
  EXPECT_EQ(cause_of(failed("file[x]", "writing /a/b.c, from `/s/x`: denied")), "writing *, from `*`: denied");
  EXPECT_EQ(cause_of(failed("svc[a]", "unit a is masked")), "unit * is masked");
}

}  // namespace
}  // namespace mgmt::views
