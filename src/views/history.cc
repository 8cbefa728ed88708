// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "src/base/path.h"
#include "src/state/left.h"
#include "src/value/json.h"

namespace mgmt::views {

using state::Entry;
using state::Known;
using state::Rows;

namespace {

/// Above this part of the buffer no deltas are kept.
constexpr double kOnlyFacts = 0.5;
/// A delta or diff above this is left out: a tree of ten thousand files is one line of the history.
constexpr std::size_t kMostText = std::size_t{64} << 10;
/// Numbers of the file: the key of the graph whose ids are marked as declared, and of the one that was all fine.
constexpr const char* kDeclared = "declared";
constexpr const char* kFine = "fine";

std::chrono::microseconds micros(double seconds) {
  return std::chrono::microseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9) * 1e6));
}

const Change* change_of(const Delta& delta, std::string_view param) {
  auto found = std::ranges::find_if(delta.changes,
                                    [&](const Change& change) { return change.item.empty() && change.param == param; });
  return found == delta.changes.end() ? nullptr : &*found;
}

bool is_word(const Value& value, std::string_view word) {
  const auto* text = value.get_if<std::string>();
  return text && *text == word;
}

std::string sha256_of(const Value& value) {
  const auto* map = value.get_if<Map>();
  if (!map || map->empty() || map->front().first != "sha256") return "";
  const auto* hex = map->front().second.get_if<std::string>();
  return hex ? *hex : "";
}

// What the report says of how it went, and what the graph says of what came before.
void fill_in(Entry& entry, const report::Timing& timing, const GraphFacts* graph) {
  if (timing.check >= 0) entry.check = micros(timing.check);
  if (timing.apply >= 0) entry.apply = micros(timing.apply);
  if (!graph) return;
  entry.before = graph->before(entry.resource);
  if (entry.before.size() > Entry::kMostBefore) entry.before.resize(Entry::kMostBefore);
}

std::size_t size_of(const Delta& delta) {
  std::size_t bytes = 0;
  for (const Change& change : delta.changes) {
    bytes += sizeof(Change) + 200;
    if (change.text) bytes += change.text->before.size() + change.text->after.size();
  }
  return bytes;
}

// What was sent to it is another than last time, or that can't be told.
bool is_newly_sent(const report::Cause& cause, const Known& known, const Delta* delta) {
  if (cause.why != report::Cause::Why::Received) return false;
  const Change* content = delta ? change_of(*delta, "content") : nullptr;
  return !content || known.content.empty() || sha256_of(content->after) != known.content;
}

// What is known of a resource after a change that made it as `fact` says.
Known learned(const std::string& id, std::optional<Known> known, const GraphFacts::Fact& fact, const Delta* delta,
              state::Time time) {
  Known now = std::move(known).value_or(Known{.id = id, .kind = fact.kind, .first = time});
  now.fingerprint = fact.fingerprint;
  if (now.path != fact.path) {
    now.path = fact.path;
    now.created = false;
    now.content.clear();
  }
  now.declared = true;
  now.place = fact.place;
  now.last = now.fine = time;
  if (!delta || now.path.empty()) return now;
  if (const Change* change = change_of(*delta, "state")) {
    if (is_word(change->after, "absent")) now.created = false;
    else if (change->before.is_none()) now.created = true;
    now.content.clear();
  }
  if (const Change* change = change_of(*delta, "content")) now.content = sha256_of(change->after);
  // What its content tells of need not be looked at.
  now.identity = now.created && now.content.empty() ? state::identity_of(now.path) : "";
  return now;
}

// The same of what it copied into a tree: each entry can be left behind.
void remember_items(Rows& rows, const std::string& id, const GraphFacts::Fact& fact, const Delta& delta,
                    state::Time time) {
  if (fact.path.empty()) return;
  for (const Change& change : delta.changes) {
    if (change.item.empty()) continue;
    std::string item = state::item_id(id, change.item);
    if (is_word(change.after, "absent")) {
      rows.forget(item);
      continue;
    }
    std::optional<Known> known = rows.find(item);
    if (!known && !change.before.is_none()) continue;  // it was there before
    Known now = std::move(known).value_or(Known{.id = std::move(item), .kind = fact.kind, .first = time});
    now.path = join_path(fact.path, change.item);
    now.created = now.declared = true;
    now.last = now.fine = time;
    now.content = change.param == "content" ? sha256_of(change.after) : "";
    now.identity = now.content.empty() ? state::identity_of(now.path) : "";
    rows.remember(now);
  }
}

}  // namespace

std::string_view word_of(report::Cause::Why why) {
  using Why = report::Cause::Why;
  switch (why) {
    case Why::First: return "first";
    case Why::Event: return "event";
    case Why::Poll: return "poll";
    case Why::Retry: return "retry";
    case Why::Refresh: return "refresh";
    case Why::Received: return "received";
    case Why::Declared: return "declared";
    case Why::Recheck: return "recheck";
    case Why::Resumed: return "resumed";
  }
  return "";
}

std::string diffs_to_json(const Delta& delta) {
  std::string list;
  for (const Change& change : delta.changes) {
    std::string diff = diff_of(change);
    if (diff.empty()) continue;
    list += fmt::format(R"({}{{"param": {}, "item": {}, "diff": {}}})", list.empty() ? "" : ", ",
                        json_quote(change.param), json_quote(change.item), json_quote(diff));
  }
  return list.empty() ? list : "[" + list + "]";
}

struct History::Written {
  std::unordered_set<std::string> ids;
};

History::~History() {
  for (auto& [id, failing] : failing_) tell_repeats(failing);
}

void History::on_event(const report::Event& event) {
  if (const auto* started = std::get_if<report::Started>(&event.body)) return on(*started);
  if (const auto* fine = std::get_if<report::Fine>(&event.body)) return on(*fine);
  auto time = std::chrono::floor<std::chrono::microseconds>(event.time);
  if (const auto* changed = std::get_if<report::Changed>(&event.body)) return on(time, *changed);
  if (const auto* failed = std::get_if<report::Failed>(&event.body)) return on(time, *failed);
  if (const auto* graph = std::get_if<report::GraphStarted>(&event.body)) return on(*graph);
  if (const auto* converged = std::get_if<report::Converged>(&event.body)) return on(*converged);
}

// What the graph no longer mentions stays remembered, as an orphan.
void History::on(const report::GraphStarted&) {
  written_ = std::make_shared<Written>();
  state_.if_there([graph = graph_()](Rows& rows) {
    if (rows.number(kDeclared) == graph->key()) return;
    // A path that another resource manages now isn't left behind.
    std::unordered_set<std::string> ids, paths;
    graph->each([&](const std::string& id) {
      ids.insert(id);
      if (auto fact = graph->find(id); fact && !fact->path.empty()) paths.insert(std::move(fact->path));
    });
    rows.declare([&](const std::string& id, const std::string& path) {
      if (ids.contains(id) || (!path.empty() && paths.contains(path))) return true;
      if (!state::is_item(id)) return false;
      for (std::string above = parent_path(path); above != "/"; above = parent_path(above))
        if (paths.contains(above)) return true;
      return false;
    });
    rows.set_number(kDeclared, graph->key());
  });
}

void History::on(const report::Started& started) {
  if (started.cause.why != report::Cause::Why::First || !started.cause.from.empty())
    causes_[started.resource] = started.cause;
}

report::Cause History::cause_of(const std::string& resource) {
  if (causes_.empty()) return {};
  auto found = causes_.extract(resource);
  return found.empty() ? report::Cause{} : std::move(found.mapped());
}

// Nothing fails there any more.
void History::ended(const std::string& resource) {
  if (failing_.empty()) return;
  auto found = failing_.find(resource);
  if (found == failing_.end()) return;
  tell_repeats(found->second);
  failing_.erase(found);
}

void History::on(const report::Fine& fine) {
  cause_of(fine.resource);
  ended(fine.resource);
}

void History::on(state::Time time, const report::Changed& changed) {
  report::Cause cause = cause_of(changed.resource);
  if (changed.dry) return;
  ended(changed.resource);
  std::shared_ptr<const Delta> delta = changed.delta;
  bool whole = state_.fill() < kOnlyFacts;
  std::size_t bytes = 400 + changed.resource.size() + (delta ? size_of(*delta) : 0);
  record(
      [time, id = changed.resource, cause = std::move(cause), delta, whole, repair = changed.repair,
       seconds = changed.seconds, timing = changed.timing, by = changed.by ? changed.by->text() : std::string(),
       graph = graph_(), written = written_](Rows& rows) {
        std::optional<Known> known = rows.find(id);
        std::optional<GraphFacts::Fact> fact = graph ? graph->find(id) : std::nullopt;
        auto all_are = [&](auto is) {
          return delta && !delta->changes.empty() && std::ranges::all_of(delta->changes, is);
        };
        bool refresh = all_are([](const Change& c) { return c.param == "refresh"; });
        bool action = delta && is_action(*delta);
        // It was as declared when it was last seen to be fine, by this run or an earlier one: somebody changed it.
        bool corrective = repair || (!action && known && fact && known->fingerprint == fact->fingerprint &&
                                     !is_newly_sent(cause, *known, delta.get()));
        Entry entry{.time = time,
                    .duration = micros(seconds),
                    .resource = id,
                    .what = refresh ? Entry::What::Refresh : Entry::What::Change,
                    .intent = corrective ? Entry::Intent::Corrective
                              : action   ? Entry::Intent::None
                                         : Entry::Intent::Intended,
                    .cause = std::string(word_of(cause.why)),
                    .from = cause.from,
                    .event = cause.event};
        entry.by = by;
        fill_in(entry, timing, graph.get());
        if (delta && whole) {
          entry.delta = to_json(*delta);
          if (entry.delta.size() > kMostText) entry.delta.clear();
          entry.diff = diffs_to_json(*delta);
          if (entry.diff.size() > kMostText) entry.diff.clear();
        }
        rows.record(entry);
        if (!fact) return;
        if (delta) remember_items(rows, id, *fact, *delta, time);
        rows.remember(learned(id, std::move(known), *fact, delta.get(), time));
        if (written) written->ids.insert(id);
      },
      bytes);
}

void History::on(state::Time time, const report::Failed& failed) {
  report::Cause cause = cause_of(failed.resource);
  Entry entry{.time = time,
              .duration = micros(failed.seconds),
              .resource = failed.resource,
              .what = Entry::What::Failure,
              .cause = std::string(word_of(cause.why)),
              .from = cause.from,
              .event = cause.event,
              .error = failed.error.substr(0, kMostText),
              .hint = failed.hint};
  Failing& failing = failing_[failed.resource];
  if (failing.last.error == entry.error && !entry.error.empty()) {
    ++failing.repeats;
    failing.last = std::move(entry);
    return;
  }
  tell_repeats(failing);
  failing.last = entry;
  std::size_t bytes = 400 + entry.resource.size() + entry.error.size() + entry.hint.size();
  record(
      [entry = std::move(entry), timing = failed.timing, graph = graph_()](Rows& rows) {
        Entry whole = entry;
        fill_in(whole, timing, graph.get());
        rows.record(whole);
      },
      bytes);
}

void History::tell_repeats(Failing& failing) {
  if (failing.repeats == 0) return;
  Entry entry = failing.last;
  entry.times = std::exchange(failing.repeats, 0);
  std::size_t bytes = 400 + entry.resource.size() + entry.error.size() + entry.hint.size();
  record([entry = std::move(entry)](Rows& rows) { rows.record(entry); }, bytes);
}

// What nobody had to change is known to be fine from now on, so that a later run can tell who changed it.
void History::on(const report::Converged&) {
  state_.if_there([graph = graph_(), written = written_](Rows& rows) {
    if (!graph || rows.number(kFine) == graph->key()) return;
    state::Time time = state::now();
    graph->each([&](const std::string& id) {
      if (written && written->ids.contains(id)) return;
      std::optional<GraphFacts::Fact> fact = graph->find(id);
      std::optional<Known> known = rows.find(id);
      if (known && known->declared && known->fingerprint == fact->fingerprint && known->path == fact->path &&
          known->place == fact->place)
        return;
      rows.remember(learned(id, std::move(known), *fact, nullptr, time));
    });
    rows.set_number(kFine, graph->key());
  });
}

void History::record(state::AgentState::Job job, std::size_t bytes) {
  if (lost_ > 0) {
    Entry gap{.time = state::now(), .what = Entry::What::Lost, .times = lost_};
    if (state_.later([gap](Rows& rows) { rows.record(gap); }, 400)) lost_ = 0;
  }
  if (!state_.later(std::move(job), bytes)) ++lost_;
}

}  // namespace mgmt::views
