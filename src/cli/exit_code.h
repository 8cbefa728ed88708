// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace mgmt::cli {

enum ExitCode : int { kOk = 0, kOther = 1, kBadInput = 2, kResourceFailed = 4, kNotConverged = 7, kSignalBase = 128 };

}  // namespace mgmt::cli
