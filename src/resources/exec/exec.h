// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/resources/resource.h"

namespace mgmt {

std::unique_ptr<Resource> make_exec(std::shared_ptr<const Declaration> declaration, Services& services);

namespace exec {

/// What the resource runs, as written: `cmd` or the name, and `args`.
std::string command_text(const Declaration& declaration);
inline constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
std::vector<std::string> split_words(std::string_view text);

}  // namespace exec
}  // namespace mgmt
