// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/fights.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "src/value/json.h"

namespace mgmt::views {

namespace {

/// Repairs that are looked at, the newest ones: who asks doesn't wait for a storm to be counted.
constexpr std::size_t kMostRepairs = 20'000;

}  // namespace

std::vector<Fight> fights(state::Rows& rows, state::Time now) {
  // By resource, parameter and what it is changed to.
  std::map<std::tuple<std::string, std::string, std::string>, Fight> found;
  rows.history({.since = now - kFightPeriod, .intent = state::Entry::Intent::Corrective, .limit = kMostRepairs},
               [&](const state::Entry& entry) {
                 Result<Delta> delta = delta_from_json(entry.delta);
                 if (!delta) return true;  // it was too big to be kept
                 for (Change& change : delta->changes) {
                   std::string param = change.item.empty() ? change.param : change.item + " " + change.param;
                   std::string after = to_json(change.after);
                   Fight& fight = found[{entry.resource, param, after}];
                   // The newest comes first.
                   if (fight.repairs++ > 0) continue;
                   fight.resource = entry.resource;
                   fight.param = std::move(param);
                   fight.after = std::move(after);
                   fight.last = entry.time;
                   fight.by = entry.by;
                 }
                 return true;
               });
  std::map<std::string, Fight> worst;
  for (auto& [key, fight] : found) {
    if (fight.repairs < kFight) continue;
    Fight& kept = worst[fight.resource];
    if (fight.repairs > kept.repairs) kept = std::move(fight);
  }
  std::vector<Fight> list;
  for (auto& [resource, fight] : worst) list.push_back(std::move(fight));
  std::ranges::sort(list, std::greater(), &Fight::last);
  return list;
}

}  // namespace mgmt::views
