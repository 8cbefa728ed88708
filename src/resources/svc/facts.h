// SPDX-License-Identifier: GPL-3.0-or-later
// Facts: what systemd says of a unit, and what of that differs from a declaration. Between the two lies data, which a
// plan is given from outside of the place where it is made (see asked.cc). Lives on the loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "src/resources/svc/systemd.h"
#include "src/value/delta.h"
#include "src/value/value.h"

namespace mgmt::svc {

inline bool runs(const UnitState& unit) { return unit.active == "active" || unit.active == "reloading"; }
inline bool is_stopped(const UnitState& unit) { return unit.active == "inactive" || unit.active == "failed"; }
/// A job works at it, or it is on its way by itself. Only who wants it to run waits for its start.
bool moves(const UnitState& unit, bool wait_for_start);
/// Whether `files` (GetUnitFileState) is as `wanted`, one of the values of `startup`.
bool startup_is(std::string_view wanted, std::string_view files);
/// What counts as disabled, as there is nothing in it that could be enabled.
bool starts_disabled(std::string_view files);

struct Facts {
  UnitState unit = {};
  /// "enabled", "static", "masked"...
  std::string files = "disabled";
  /// Its unit file was changed, and systemd has not read it since.
  bool file_changed = false;
  bool can_reload = false;
  /// Of a unit that isn't there: "did you mean ...?", or empty.
  std::string did_you_mean = {};
};

/// What is asked for beside the UnitState.
struct Asked {
  bool files = false;
  bool reload = false;
  bool names = false;
};
/// Throws as Systemd.
boost::asio::awaitable<Facts> facts_of(std::shared_ptr<Systemd> systemd, std::string name, UnitState unit, Asked asked);

struct Wanted {
  std::string name;
  std::string_view state, startup;
  bool session = false;
  bool refresh = false;

  bool is_wrong(const UnitState& unit) const;
  /// What facts_of() is to ask for.
  Asked asked(const UnitState& unit) const;
};
/// Throws Error for a unit that isn't there or can't be loaded.
Delta difference(const Wanted& wanted, const Facts& facts);

Value to_value(const Facts& facts);
/// Of what to_value() has made; what is missing or of another type stays as in a new Facts.
Facts facts_from(const Value& value);

/// What isn't known of `wanted`, and why.
Delta not_known(const Wanted& wanted, std::string why);

}  // namespace mgmt::svc
