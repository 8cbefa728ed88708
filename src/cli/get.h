// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "src/cli/command_line.h"

namespace mgmt::cli {

/// `mgmt get file PATH...`: a graph that declares what is there now.
int get(const GetCommand& command);

/// UTF-8 as YAML: a block where that reads as it is, else in double quotes. `indent`: of a block's lines.
std::string yaml_text(std::string_view text, std::size_t indent);

}  // namespace mgmt::cli
