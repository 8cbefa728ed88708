// SPDX-License-Identifier: GPL-3.0-or-later
// Noise: which failures are said in full. Pure; one thread's.
//
// Of those that come within a moment for one cause, the first is, and the others are one line with their number. Of
// those of one resource that come again and again, the first, second, fourth, eighth … are.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/report/event.h"

namespace mgmt::views {

class Noise {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// What is to be said instead of `body`, in its order; often that alone.
  std::vector<report::Body> take(const report::Body& body);
  /// What has been gathered for long enough; called after each take() and at due().
  std::vector<report::Body> ripe(Time now);
  std::optional<Time> due() const;
  /// All that was gathered.
  std::vector<report::Body> flush();

  static constexpr std::chrono::milliseconds kMoment{250}, kLongestMoment{8000};

 private:
  struct Group {
    report::Failed first;  // of those that wait
    std::size_t count = 0;
    std::vector<std::string> names = {};
    std::chrono::milliseconds moment = kMoment;
    std::optional<Time> until = {};
  };
  struct Repeats {
    std::string error;
    std::uint64_t count = 0;
  };
  /// The how-many-th of the same failure of one resource it is.
  std::uint64_t repeat_of(const report::Failed& failed);
  static void add(Group& group, std::vector<report::Body>& to);

  std::map<std::string, Group> groups_;
  std::unordered_map<std::string, Repeats> repeats_;
};

/// What is wrong without where: the same for failures of one cause.
std::string cause_of(const report::Failed& failed);

}  // namespace mgmt::views
