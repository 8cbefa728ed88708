// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace mgmt::cli {

/// `mgmt init`: a graph with comments that runs as it is, for anybody, below the folder where we are. Throws Error;
/// what is there already stays.
void write_first_graph(const std::string& path);

/// Its text. `folder` is absolute.
std::string first_graph(const std::string& folder);

}  // namespace mgmt::cli
