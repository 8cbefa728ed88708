// SPDX-License-Identifier: GPL-3.0-or-later
// Slow fights: the same change, undone by somebody again and again, as the history has it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "src/state/rows.h"

namespace mgmt::views {

struct Fight {
  std::string resource;
  /// The parameter that is changed back, with its item if it has one ("sub/a content"), and to what, as JSON.
  std::string param, after;
  std::size_t repairs = 0;
  state::Time last;
  /// Who changed it last, where that is known.
  std::string by;
};

/// So many repairs that made the same change within kFightPeriod are a fight with somebody.
constexpr std::size_t kFight = 5;
constexpr std::chrono::hours kFightPeriod{24};

/// The fights of the last kFightPeriod before `now`, one for a resource, by the time of their last repair.
std::vector<Fight> fights(state::Rows& rows, state::Time now);

}  // namespace mgmt::views
