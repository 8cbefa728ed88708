// SPDX-License-Identifier: GPL-3.0-or-later
// Durations as people write them: `500ms`, `5s`, `2m`, `1h30m`, `1.5s`; a number alone is in the unit that it had
// before there were units.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "src/base/error.h"

namespace mgmt {

/// Units are ms, s, m, h and d; `bare` is the one of a number alone. The Error's text says what is wrong with the text,
/// and needs the name of what it is the value of before it.
Result<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view bare);

/// The shortest that means the same, with a unit: "500ms", "5s", "2m".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace mgmt
