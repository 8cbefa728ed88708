// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace mgmt::cli {

/// Where several apply: 2, 4, 7, 6, 5.
enum ExitCode : int {
  kOk = 0,
  kOther = 1,
  kBadInput = 2,
  kResourceFailed = 4,
  kConvergedWithChanges = 5,  // only with --detailed-exitcode
  kPlanHasChanges = 6,
  kNotConverged = 7,
  kSignalBase = 128,
};

}  // namespace mgmt::cli
