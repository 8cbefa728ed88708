// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/pausing.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/value/json.h"
#include "src/views/entry.h"

namespace mgmt::cli {

using namespace std::chrono_literals;
using Level = report::Notice::Level;

namespace {

/// The end of a pause is a time of the wall's clock, which may be set, and goes on while the machine sleeps: asked
/// again so often.
constexpr Duration kLook = 30s;

/// The kernel takes some 10 ms to end a watch, which is longer than many a run with --once.
constexpr Duration kHoldWatchedAfter = 50ms;

std::string what(const std::string& resource) { return resource.empty() ? "everything" : resource; }
std::string because(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }
std::string resume_hint(const std::string& resource) {
  return resource.empty() ? "`mgmt resume` ends it" : fmt::format("`mgmt resume '{}'` ends it", resource);
}

// The first line: it stands in messages.
std::string reason_in(const std::string& path) {
  try {
    constexpr std::size_t kMost = std::size_t{64} << 10, kShown = 200;
    std::string text = read_file(path, kMost);
    auto lines = split_lines(text);
    return lines.empty() ? "" : printable(lines.front().substr(0, kShown));
  } catch (const Error&) {
    return "";  // that it is there is enough
  }
}

bool booted_with_noop() {
  try {
    std::string text = read_file("/proc/cmdline", std::size_t{64} << 10);
    std::ranges::replace(text, '\n', ' ');
    text = " " + text + " ";
    return text.contains(" mgmt.noop ") || text.contains(" mgmt.noop=1 ");
  } catch (const Error&) {
    return false;
  }
}

std::string error_json(const std::string& text) { return fmt::format(R"({{"error": {}}})", json_quote(text)); }

}  // namespace

Pausing::Pausing(Loop& loop, report::Report& report, Engine& engine, std::string path, bool machine)
    : report_(report), engine_(engine), path_(std::move(path)), machine_(machine), timer_(loop), hold_timer_(loop) {}

void Pausing::begin() {
  if (!path_.empty()) {
    try {
      pauses_ = state::Pauses::read(path_);
    } catch (const Error& error) {
      tell(Level::Warning, "what is paused can't be told, so nothing is: " + error.text());
    }
    bool ended = !pauses_.expire(state::now()).empty();
    for (const state::Pause& one : pauses_.all())
      tell(Level::Warning,
           fmt::format("{} is paused until {}: what differs is reported and not repaired{}", what(one.resource),
                       views::time_text(one.until), because(one.reason)),
           resume_hint(one.resource));
    if (ended) keep();
  }
  if (machine_) {
    boot_ = booted_with_noop();
    if (boot_)
      tell(Level::Warning,
           "nothing is changed in this run: `mgmt.noop` is on the kernel's command line; what differs is only reported",
           "it is over with the next start of the machine without it");
    look_at_hold();
    hold_timer_.after(kHoldWatchedAfter, [this] {
      hold_watch_ = engine_.files().watch(kHoldPath, {}, [this](events::FileWatcher::Event) { look_at_hold(); });
      look_at_hold();
    });
  }
  act();
}

void Pausing::look_at_hold() {
  struct stat status{};
  std::optional<std::string> now;
  if (::lstat(kHoldPath, &status) == 0) now = reason_in(kHoldPath);
  if (now == held_) return;
  bool news = now.has_value() != held_.has_value();
  held_ = std::move(now);
  if (held_)
    tell(Level::Warning,
         fmt::format("nothing is changed: {} is there; what differs is only reported{}", kHoldPath, because(*held_)),
         "it goes on when that file is removed");
  else tell(Level::Info, fmt::format("{} is gone: going on", kHoldPath));
  if (news) act();
}

void Pausing::act() {
  Engine::Withheld now{.all = held_ || boot_};
  for (const state::Pause& one : pauses_.all()) {
    if (one.resource.empty()) now.all = true;
    else now.ids.insert(one.resource);
  }
  timer_.cancel();
  if (!pauses_.all().empty()) {
    auto next = std::ranges::min(pauses_.all(), {}, &state::Pause::until).until - state::now();
    timer_.after(std::clamp<Duration>(next, 0s, kLook), [this] { on_time(); });
  }
  if (now.all == withheld_.all && now.ids == withheld_.ids) return;
  bool changed = now.all != withheld_.all;
  withheld_ = now;
  engine_.withhold(std::move(now));
  if (changed && on_change) on_change();
}

void Pausing::on_time() {
  std::vector<state::Pause> ended = pauses_.expire(state::now());
  for (const state::Pause& one : ended) tell(Level::Info, fmt::format("the pause of {} has ended", what(one.resource)));
  if (!ended.empty()) keep();
  act();
}

std::string Pausing::keep() {
  if (path_.empty()) return "this agent keeps nothing";
  try {
    pauses_.write(path_);
    return "";
  } catch (const Error& error) {
    return error.text();
  }
}

std::string Pausing::pause(const Value& request, const std::function<bool(const std::string&)>& knows) {
  state::Pause pause{.resource = text_of(request, "resource"), .until = {}, .reason = text_of(request, "reason")};
  const Value* until = member(request, "until");
  if (!until || !until->get_if<std::int64_t>()) return error_json("a pause has an end");
  pause.until = state::Time(std::chrono::seconds(until->get<std::int64_t>()));
  if (!pause.resource.empty() && !knows(pause.resource))
    return error_json(fmt::format("{} isn't in the running graph", printable(pause.resource)));
  tell(Level::Warning,
       fmt::format("{} is paused until {}: what differs is reported and not repaired{}", what(pause.resource),
                   views::time_text(pause.until), because(pause.reason)),
       resume_hint(pause.resource));
  pauses_.add(std::move(pause));
  std::string lost = keep();
  act();
  return fmt::format(R"({{"lost": {}}})", json_quote(lost));
}

std::string Pausing::resume(const Value& request) {
  auto ended = pauses_.end(text_of(request, "resource"));
  if (!ended) return error_json(ended.error().text());
  for (const state::Pause& one : *ended) tell(Level::Info, fmt::format("{} is no longer paused", what(one.resource)));
  std::string lost = keep();
  act();
  return fmt::format(R"({{"ended": {}, "lost": {}}})", ended->size(), json_quote(lost));
}

std::string Pausing::status() const {
  std::string list;
  auto add = [&](const std::string& resource, std::string_view by, const std::string& reason,
                 const state::Time* until) {
    list += fmt::format(R"({}{{"resource": {}, "by": "{}", "reason": {}{}}})", list.empty() ? "" : ", ",
                        json_quote(resource), by, json_quote(reason),
                        until ? fmt::format(R"(, "until": {})",
                                            std::chrono::floor<std::chrono::seconds>(*until).time_since_epoch().count())
                              : "");
  };
  if (boot_) add("", "boot", "", nullptr);
  if (held_) add("", "hold", *held_, nullptr);
  for (const state::Pause& one : pauses_.all()) add(one.resource, "pause", one.reason, &one.until);
  return "[" + list + "]";
}

void Pausing::tell(Level level, std::string text, std::string hint) {
  report_.emit(report::Notice{level, std::move(text), std::move(hint)});
}

}  // namespace mgmt::cli
