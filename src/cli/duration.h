// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace mgmt::cli {

/// "500ms", "5s", "2m", "1.5h", "1d"; a bare number is seconds. None: it isn't understood, or it is negative.
std::optional<std::chrono::duration<double>> parse_duration(std::string_view text);

}  // namespace mgmt::cli
