// SPDX-License-Identifier: GPL-3.0-or-later
// For tests: calls of a World that wait for their answer, on a loop that runs only meanwhile.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/async/test.h"
#include "src/world/world.h"

namespace mgmt::world::testing_world {

using namespace test;

struct Snapshot {
  std::map<std::string, std::string> values;
  std::map<std::string, Revision> revisions;
  Revision revision;
  std::size_t pages = 0;
  std::vector<std::string> order;
  std::optional<Error> error;
};

inline Snapshot read_all(Loop& loop, World& world, const std::string& prefix) {
  auto result = std::make_shared<Snapshot>();
  auto done = std::make_shared<bool>(false);
  world.read(prefix, [=](Result<Page> page) {
    if (!page) {
      result->error = page.error();
      *done = true;
      return;
    }
    for (Entry& entry : page->entries) {
      result->order.push_back(entry.key);
      result->revisions[entry.key] = entry.revision;
      result->values[entry.key] = std::move(entry.value);
    }
    if (result->pages++ > 0 && page->revision != result->revision)
      result->error = Error("pages of different revisions");
    result->revision = page->revision;
    *done = page->last;
  });
  if (!run_until(loop, [&] { return *done; })) result->error = Error("no answer");
  return *result;
}

inline CommitOutcome commit(Loop& loop, World& world, Commit what) {
  auto outcome = std::make_shared<std::optional<CommitOutcome>>();
  world.commit(std::move(what), [=](CommitOutcome got) { *outcome = std::move(got); });
  if (!run_until(loop, [&] { return outcome->has_value(); })) return Unknown{Error("no answer")};
  return **outcome;
}

/// What a watch has been told.
struct Seen {
  std::vector<Change> changes;
  std::map<std::string, std::string> values;
  bool compacted = false;
  std::optional<Error> error;
  Revision revision;
  /// Set if a revision went back or a commit came in two parts.
  bool disorder = false;
  std::unique_ptr<Watch> watch;

  void on_event(const WatchEvent& event) {
    if (std::holds_alternative<Compacted>(event)) compacted = true;
    if (const auto* failure = std::get_if<Error>(&event)) error = *failure;
    const auto* news = std::get_if<Changes>(&event);
    if (!news) return;
    if (news->revision <= revision) disorder = true;
    Revision last = revision;
    bool first = true;
    for (const Change& change : news->changes) {
      if (first ? change.revision <= last : change.revision < last) disorder = true;
      first = false;
      last = change.revision;
      changes.push_back(change);
      if (change.value) values[change.key] = *change.value;
      else values.erase(change.key);
    }
    if (last > news->revision) disorder = true;
    revision = news->revision;
  }
};

inline std::unique_ptr<Seen> follow(World& world, const std::string& prefix, Revision after) {
  auto seen = std::make_unique<Seen>();
  seen->revision = after;
  seen->watch = world.watch(prefix, after, [at = seen.get()](const WatchEvent& event) { at->on_event(event); });
  return seen;
}

}  // namespace mgmt::world::testing_world
