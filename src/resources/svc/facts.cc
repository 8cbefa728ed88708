// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/svc/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "src/base/text.h"
#include "src/resources/svc/svc.h"

namespace mgmt::svc {

namespace asio = boost::asio;

namespace {

// As a Delta and a message show it.
std::string state_text(const UnitState& unit) {
  if (unit.active == "active") return std::string(kRunning);
  if (unit.active == "inactive") return std::string(kStopped);
  return unit.active;
}

void require_unit(const Wanted& wanted, const Facts& facts) {
  const std::string& load = facts.unit.load;
  if (load == "not-found")
    throw Error(fmt::format("there is no unit {}", wanted.name))
        .hint(!facts.did_you_mean.empty() ? facts.did_you_mean
              : wanted.session
                  ? "`systemctl --user list-unit-files` lists what there is"
                  : "`systemctl list-unit-files` lists what there is; an edge lets its package or file come first");
  if (load == "error" || load == "bad-setting")
    throw Error(fmt::format("the unit file of {} is wrong ({})", wanted.name, load))
        .hint(fmt::format("`systemd-analyze verify {}` says where", wanted.name));
}

// The members of Facts that travel.
template <class F, class Text, class Flag>
void for_members(F& facts, Text text, Flag flag) {
  text("load", facts.unit.load);
  text("active", facts.unit.active);
  flag("has_job", facts.unit.has_job);
  text("files", facts.files);
  flag("file_changed", facts.file_changed);
  flag("can_reload", facts.can_reload);
  text("did_you_mean", facts.did_you_mean);
}

}  // namespace

bool moves(const UnitState& unit, bool wait_for_start) {
  if (unit.active == "activating") return wait_for_start;
  return unit.active == "deactivating" || unit.active == "reloading" || unit.has_job;
}

bool starts_disabled(std::string_view files) {
  return files == "disabled" || files == "static" || files == "indirect" || files == "generated" ||
         files == "transient" || files == "linked" || files == "linked-runtime";
}

bool startup_is(std::string_view wanted, std::string_view files) {
  if (wanted == kEnabled) return files == "enabled" || files == "alias";
  if (wanted == kDisabled) return starts_disabled(files);
  return files == wanted;
}

bool Wanted::is_wrong(const UnitState& unit) const {
  return (state == kRunning && !runs(unit)) || (state == kStopped && !is_stopped(unit));
}

Asked Wanted::asked(const UnitState& unit) const {
  return {.files = !startup.empty(),
          .reload = refresh && runs(unit) && !is_wrong(unit),
          // What doesn't exist can be masked, so that it doesn't start when it comes.
          .names = startup != kMasked};
}

asio::awaitable<Facts> facts_of(std::shared_ptr<Systemd> systemd, std::string name, UnitState unit, Asked asked) {
  Facts facts;
  facts.unit = std::move(unit);
  if (facts.unit.load == "not-found") {
    if (!asked.names) co_return facts;
    Systemd::Names names = co_await systemd->unit_files();
    std::vector<std::string_view> candidates(names->begin(), names->end());
    facts.did_you_mean = did_you_mean(name, candidates);
    co_return facts;
  }
  if (facts.unit.load == "error" || facts.unit.load == "bad-setting") co_return facts;
  if (asked.files) facts.files = co_await systemd->file_state(name, facts.unit.path);
  if (!asked.reload) co_return facts;
  facts.file_changed = co_await systemd->unit_flag(facts.unit.path, "NeedDaemonReload");
  if (!facts.file_changed) facts.can_reload = co_await systemd->unit_flag(facts.unit.path, "CanReload");
  co_return facts;
}

Delta difference(const Wanted& wanted, const Facts& facts) {
  if (wanted.startup != kMasked) require_unit(wanted, facts);
  Delta delta;
  if (!wanted.startup.empty() && !startup_is(wanted.startup, facts.files))
    delta.changes.push_back(
        {.param = "startup", .before = Value(facts.files), .after = Value(std::string(wanted.startup))});
  if (wanted.is_wrong(facts.unit)) {
    delta.changes.push_back(
        {.param = "state", .before = Value(state_text(facts.unit)), .after = Value(std::string(wanted.state))});
  } else if (wanted.refresh && runs(facts.unit)) {
    // What the unit file itself says is taken up by a restart only.
    bool reloads = facts.can_reload && !facts.file_changed;
    delta.changes.push_back(
        {.param = std::string(kRefresh), .after = Value(std::string(reloads ? kReload : kRestart)), .action = true});
  }
  return delta;
}

Value to_value(const Facts& facts) {
  Map map;
  for_members(
      facts, [&](const char* key, const std::string& text) { map.emplace_back(key, Value(text)); },
      [&](const char* key, bool flag) { map.emplace_back(key, Value(flag)); });
  return Value(std::move(map));
}

Facts facts_from(const Value& value) {
  Facts facts;
  const Map* map = value.get_if<Map>();
  if (!map) return facts;
  auto take = [&]<class T>(const char* key, T& into) {
    auto found = std::ranges::find(*map, key, &Map::value_type::first);
    if (found == map->end()) return;
    if (const T* held = found->second.template get_if<T>()) into = *held;
  };
  for_members(facts, take, take);
  return facts;
}

Delta not_known(const Wanted& wanted, std::string why) {
  Delta delta;
  delta.changes.push_back({.param = wanted.state.empty() ? "startup" : "state", .known = false, .why = std::move(why)});
  return delta;
}

}  // namespace mgmt::svc
