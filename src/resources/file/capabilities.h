// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace mgmt::file {

/// The capabilities of an open file as getcap(8) writes them, `cap_net_raw=ep`; empty if it has none.
std::string capabilities_of(int fd);

}  // namespace mgmt::file
