// SPDX-License-Identifier: GPL-3.0-or-later
// Readings: what can be said of a declaration of which something couldn't be read. It is judged as it would be for each
// of a few values that could have been meant there; what holds for all of them holds whatever was meant.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "src/resources/declaration.h"
#include "src/value/diagnostic.h"

namespace mgmt {

/// What of a declaration was given, or most likely meant, and couldn't be read.
struct Unread {
  std::vector<ParamIndex> params = {};
  bool name = false;

  bool any() const { return name || !params.empty(); }
  bool has(ParamIndex index) const { return std::ranges::find(params, index) != params.end(); }
};

/// What the kind's rules across parameters find in every reading. The kind has such rules.
void validate_readings(const Declaration& declaration, const Unread& unread, Diagnostics& diagnostics);

/// The path that is managed in every reading; none if they differ. The kind manages paths.
std::optional<std::string> managed_path_of_readings(const Declaration& declaration, const Unread& unread);

}  // namespace mgmt
