// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "src/value/json.h"
#include "src/views/writer.h"

namespace mgmt::views {

using namespace report;

namespace {

// Tracks are threads of two processes to the viewer: the agent's workers, and its children.
constexpr std::int64_t kAgent = 1, kChildren = 2;
/// Ids of tracks whose worker isn't known come above those that are.
constexpr std::int64_t kLanes = 1000;
constexpr std::int64_t kFirstChild = std::int64_t{1} << 32;

std::int64_t micros(std::chrono::system_clock::time_point time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}
std::int64_t micros(double seconds) { return static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9) * 1e6); }

std::int64_t process_of(std::int64_t track) { return track >= kFirstChild ? kChildren : kAgent; }
std::int64_t thread_of(std::int64_t track) { return track >= kFirstChild ? track - kFirstChild : track; }

}  // namespace

bool Trace::wants(const Body& body) const {
  return !std::holds_alternative<Started>(body) && !std::holds_alternative<Progress>(body) &&
         !std::holds_alternative<Output>(body) && !std::holds_alternative<Notice>(body);
}

void Trace::event(std::string_view json, std::string& out) {
  out += std::exchange(any_, true) ? ",\n" : "[\n";
  out += json;
}

void Trace::name(std::string_view what, std::int64_t process, std::int64_t thread, std::string_view text,
                 std::string& out) {
  event(fmt::format(R"({{"ph": "M", "name": "{}", "pid": {}, "tid": {}, "args": {{"name": {}}}}})", what, process,
                    thread, json_quote(text)),
        out);
}

void Trace::name_track(std::int64_t track, const std::string& text, std::string& out) {
  if (!taken_.emplace(track, 0).second) return;
  std::int64_t process = process_of(track);
  if (processes_.insert(process).second)
    name("process_name", process, 0, process == kAgent ? "mgmt" : "child processes", out);
  name("thread_name", process, thread_of(track), text, out);
}

std::int64_t Trace::track_of(const Timing& timing, std::int64_t begin, std::int64_t end, std::string& out) {
  if (timing.child > 0) {
    std::int64_t track = kFirstChild + timing.child;
    name_track(track, fmt::format("process {}", timing.child), out);
    return track;
  }
  if (timing.worker >= 0) {
    name_track(timing.worker, timing.worker == 0 ? "loop" : fmt::format("worker {}", timing.worker), out);
    return timing.worker;
  }
  // What ends is told in the order of the ends: the first lane that was free when this began.
  auto free = std::ranges::find_if(lanes_, [&](std::int64_t taken) { return taken <= begin; });
  if (free == lanes_.end()) free = lanes_.insert(lanes_.end(), 0);
  *free = end;
  std::int64_t lane = free - lanes_.begin();
  name_track(kLanes + lane, fmt::format("waiting {}", lane + 1), out);
  return kLanes + lane;
}

void Trace::slice(std::int64_t begin, std::int64_t length, std::int64_t track, std::string_view name,
                  std::string_view category, std::string_view outcome, std::string& out) {
  event(
      fmt::format(
          R"({{"ph": "X", "name": {}, "cat": "{}", "ts": {}, "dur": {}, "pid": {}, "tid": {}, "args": {{"outcome": "{}"}}}})",
          json_quote(name), category, begin - begin_, length, process_of(track), thread_of(track), outcome),
      out);
}

void Trace::instant(std::int64_t time, std::string_view text, std::string& out) {
  event(fmt::format(R"({{"ph": "i", "name": {}, "ts": {}, "pid": {}, "tid": 0, "s": "g"}})", json_quote(text),
                    time - begin_, kAgent),
        out);
}

void Trace::run(std::int64_t end, const std::string& resource, double seconds, const Timing& timing,
                std::string_view outcome, std::string& out) {
  end = std::max(begin_, end - micros(timing.ago));
  std::int64_t begin = std::max(begin_, end - micros(seconds));
  std::int64_t track = track_of(timing, begin, end, out);
  // A thread does one thing at a time: where clocks disagree by a microsecond, or the check was another thread's.
  begin = std::clamp(std::exchange(taken_[track], end), begin, std::max(begin, end));
  if (timing.check >= 0) {
    std::int64_t applied = timing.apply < 0 ? end : std::max(begin, end - micros(timing.apply));
    slice(begin, std::min(micros(timing.check), applied - begin), track, resource, "check", outcome, out);
    if (timing.apply >= 0) slice(applied, end - applied, track, resource, "apply", outcome, out);
  } else {
    slice(begin, end - begin, track, resource, "check and apply", outcome, out);
  }
  for (const std::string& other : before_(resource)) {
    auto from = ends_.find(other);
    // Its own run came after, by an event of its own: it didn't wait for that.
    if (from == ends_.end() || from->second.time > begin) continue;
    ++arrows_;
    // The arrow's ends lie inside the slices, which it is bound to by that.
    event(fmt::format(R"({{"ph": "s", "id": {}, "name": "before", "cat": "edge", "ts": {}, "pid": {}, "tid": {}}})",
                      arrows_, std::max<std::int64_t>(from->second.time - begin_ - 1, 0),
                      process_of(from->second.track), thread_of(from->second.track)),
          out);
    event(fmt::format(
              R"({{"ph": "f", "bp": "e", "id": {}, "name": "before", "cat": "edge", "ts": {}, "pid": {}, "tid": {}}})",
              arrows_, begin - begin_, process_of(track), thread_of(track)),
          out);
  }
  ends_[resource] = {end, track};
}

void Trace::show(const Event& one, std::string& out) {
  std::int64_t time = micros(one.time);
  if (begin_ < 0) begin_ = time;
  if (const auto* changed = std::get_if<Changed>(&one.body))
    run(time, changed->resource, changed->seconds, changed->timing,
        changed->dry      ? "would change"
        : changed->repair ? "repaired"
                          : "changed",
        out);
  else if (const auto* fine = std::get_if<Fine>(&one.body))
    run(time, fine->resource, fine->seconds, fine->timing, "fine", out);
  else if (const auto* failed = std::get_if<Failed>(&one.body))
    run(time, failed->resource, failed->seconds, failed->timing, "failed", out);
  else if (const auto* graph = std::get_if<GraphStarted>(&one.body))
    instant(time, fmt::format("graph {}, generation {}", graph->name, graph->generation), out);
  else if (std::holds_alternative<Converged>(one.body)) instant(time, "converged", out);
  else if (std::holds_alternative<Settled>(one.body)) instant(time, "settled with failures", out);
  else if (const auto* summary = std::get_if<Summary>(&one.body)) instant(time, summary->outcome, out);
}

void Trace::show_dropped(std::size_t count, std::string& out) {
  instant(std::max<std::int64_t>(begin_, 0), fmt::format("{} events were not written in time", count), out);
}

void Trace::finish(std::string& out) {
  if (!any_) out += "[";
  out += "\n]\n";
}

std::unique_ptr<report::Reader> make_trace(Fd file, Before before) {
  return std::make_unique<Writer>(std::move(file), std::make_unique<Trace>(std::move(before)));
}

}  // namespace mgmt::views
