// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "src/async/process.h"

namespace mgmt::svc {

/// The last lines that a unit, and systemd about it, wrote to the journal since `since`, oldest first and each on a
/// line of its own; empty if there is none or journalctl(1) can't tell. Takes two seconds at most, and never throws
/// Error.
boost::asio::awaitable<std::string> journal_tail(Loop& loop, Spawner& spawner, std::string unit, bool session,
                                                 std::chrono::system_clock::time_point since);

}  // namespace mgmt::svc
