// SPDX-License-Identifier: GPL-3.0-or-later
// Cause: what stands behind an errno. "Operation not permitted" says what the kernel wouldn't do; this looks for the
// reason: an immutable file, a read-only mount, a folder that may not be entered.
//
//   if (::rename(from, to) != 0) throw with_cause(Error::system(errno, "writing /etc/motd"), "/etc/motd");
#pragma once

#include <string>

#include "src/base/error.h"

namespace mgmt {

struct Cause {
  /// Follows the system's words: "the file is immutable (chattr +i)". Empty: nothing more is known.
  std::string text;
  std::string hint;
};

/// Looks at `path`, which need not exist, as it is now; absolute. It asks the file system, so not on the loop's thread.
Cause cause_of(int error, const std::string& path);

/// `error` with its cause, if its errno has one. A hint that it has already stays. `path` is the absolute one that it
/// is about; where the error names another, that is taken, and "" leaves it to
/// the error.
Error with_cause(Error error, const std::string& path);

}  // namespace mgmt
