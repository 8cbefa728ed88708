// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/board.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/value/json.h"
#include "src/views/history.h"

namespace mgmt::views {

using namespace report;

namespace {

std::uint64_t hash_of(const std::string& resource) { return std::hash<std::string>{}(resource); }

state::Time time_of(std::int64_t micros) { return state::Time(std::chrono::microseconds(micros)); }

std::string seconds_of(state::Time time) {
  auto micros = time.time_since_epoch().count();
  return fmt::format("{}.{:06}", micros / 1000000, micros % 1000000);
}

class Object {
 public:
  Object& text(std::string_view key, std::string_view value) {
    return value.empty() ? *this : raw(key, json_quote(value));
  }
  Object& number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  Object& time(std::string_view key, state::Time value) { return raw(key, seconds_of(value)); }
  Object& raw(std::string_view key, std::string_view json) {
    fmt::format_to(std::back_inserter(out_), R"({}"{}": {})", out_.size() > 1 ? ", " : "", key, json);
    return *this;
  }
  std::string done() { return std::move(out_) + "}"; }

 private:
  std::string out_ = "{";
};

class Array {
 public:
  void add(const std::string& json) {
    if (count_++ < Board::kMostListed) out_ += (out_.size() > 1 ? ", " : "") + json;
  }
  bool full() const { return count_ >= Board::kMostListed; }
  std::string done() { return std::move(out_) + "]"; }

 private:
  std::string out_ = "[";
  std::size_t count_ = 0;
};

}  // namespace

void Board::ended(const std::string& resource) {
  running_.erase(hash_of(resource));
  if (!causes_.empty()) causes_.erase(resource);
}

void Board::close(const std::string& resource) {
  ended(resource);
  if (!failed_.empty()) failed_.erase(resource);
}

// Something has to be done, or was: what was announced holds no more until it is announced again.
void Board::works(state::Time time) {
  if (state_ == "working") return;
  state_ = "working";
  state_since_ = time;
}

void Board::on_event(const Event& event) {
  auto time = std::chrono::floor<std::chrono::microseconds>(event.time);
  if (const auto* started = std::get_if<Started>(&event.body)) {
    if (running_.size() == 0) busy_since_ = time;
    running_.insert(hash_of(started->resource), time.time_since_epoch().count());
    if (started->cause.why != Cause::Why::First) causes_.insert_or_assign(started->resource, started->cause);
  } else if (const auto* fine = std::get_if<Fine>(&event.body)) {
    close(fine->resource);
  } else if (const auto* changed = std::get_if<Changed>(&event.body)) {
    close(changed->resource);
    if (changed->dry) return;
    works(time);
    ++(changed->repair ? repaired_ : changed_);
  } else if (const auto* failed = std::get_if<Failed>(&event.body)) {
    ended(failed->resource);
    works(time);
    failed_.insert_or_assign(failed->resource, Failure{time, *failed});
  } else if (std::holds_alternative<Converged>(event.body)) {
    state_ = "converged";
    state_since_ = time;
  } else if (std::holds_alternative<Settled>(event.body)) {
    state_ = "settled with failures";
    state_since_ = time;
  } else if (const auto* graph = std::get_if<GraphStarted>(&event.body)) {
    started_ = *graph;
    since_ = state_since_ = time;
    state_ = "working";
    auto facts = graph_();
    std::erase_if(failed_, [&](const auto& one) { return facts && !facts->find(one.first); });
  }
}

Cause Board::cause_of(const std::string& resource) const {
  auto found = causes_.find(resource);
  return found == causes_.end() ? Cause{} : found->second;
}

std::string Board::status(const std::vector<Fight>& fights, std::string_view paused) const {
  Array running, failed, blocked, held, fighting;
  std::size_t waiting = 0, left_alone = 0;
  auto facts = graph_();
  if (facts && running_.size() > 0) {
    facts->each([&](const std::string& id) {
      std::int64_t since = running_.since(hash_of(id));
      if (since == 0 || running.full()) return;
      running.add(Object()
                      .raw("resource", json_quote(id))
                      .time("since", time_of(since))
                      .text("cause", word_of(cause_of(id).why))
                      .text("from", cause_of(id).from)
                      .text("event", cause_of(id).event)
                      .done());
    });
  }
  for (const auto& [id, one] : failed_)
    failed.add(Object()
                   .text("resource", id)
                   .time("time", one.time)
                   .text("place", one.what.place)
                   .text("error", one.what.error)
                   .text("hint", one.what.hint)
                   .done());
  for (const Standing& one : standing_ ? standing_() : std::vector<Standing>()) {
    if (one.is == Standing::Is::Blocked) {
      blocked.add(Object().text("resource", one.resource).text("by", one.by).done());
    } else if (one.is == Standing::Is::Held) {
      ++left_alone;
      held.add(Object().text("resource", one.resource).text("why", one.why).done());
    } else {
      ++waiting;
    }
  }
  for (const Fight& fight : fights)
    fighting.add(Object()
                     .text("resource", fight.resource)
                     .text("param", fight.param)
                     .raw("after", fight.after)
                     .number("repairs", fight.repairs)
                     .time("last", fight.last)
                     .text("by", fight.by)
                     .done());
  bool busy = running_.size() + waiting + left_alone > 0 && state_ != "working";
  return Object()
      .text("graph", started_.name)
      .number("generation", started_.generation)
      .time("since", since_)
      .text("state", busy ? "working" : state_)
      .time("state_since", busy ? std::max(busy_since_, state_since_) : state_since_)
      .number("resources", started_.resources)
      .number("edges", started_.edges)
      .number("changed", changed_)
      .number("repaired", repaired_)
      .number("failures", failed_.size())
      .number("runs", running_.size())
      .number("waiting", waiting)
      .raw("failed", failed.done())
      .raw("running", running.done())
      .raw("blocked", blocked.done())
      .raw("held", held.done())
      .raw("fights", fighting.done())
      .raw("paused", paused)
      .done();
}

std::string Board::now_of(const std::string& resource) const {
  auto facts = graph_();
  if (!facts || !facts->find(resource)) return Object().text("resource", resource).text("now", "undeclared").done();
  auto list = [](const std::vector<std::string>& ids) {
    Array array;
    for (const std::string& id : ids) array.add(json_quote(id));
    return array.done();
  };
  Object object;
  object.text("resource", resource);
  if (std::int64_t since = running_.since(hash_of(resource)); since != 0) {
    object.text("now", "running")
        .time("since", time_of(since))
        .text("cause", word_of(cause_of(resource).why))
        .text("from", cause_of(resource).from)
        .text("event", cause_of(resource).event);
  } else if (auto failed = failed_.find(resource); failed != failed_.end()) {
    object.text("now", "failed")
        .time("since", failed->second.time)
        .text("place", failed->second.what.place)
        .text("error", failed->second.what.error)
        .text("hint", failed->second.what.hint);
  } else {
    auto all = standing_ ? standing_() : std::vector<Standing>();
    auto one = std::ranges::find(all, resource, &Standing::resource);
    if (one == all.end()) object.text("now", "idle");
    else
      object
          .text("now", one->is == Standing::Is::Blocked ? "blocked"
                       : one->is == Standing::Is::Held  ? "held"
                                                        : "waiting")
          .text("by", one->by)
          .text("why", one->why);
  }
  return object.raw("before", list(facts->before(resource))).raw("after", list(facts->after(resource))).done();
}

}  // namespace mgmt::views
