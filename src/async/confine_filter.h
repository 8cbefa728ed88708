// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace mgmt::confine {

/// False for an architecture whose system calls nobody has looked through.
#if defined(__x86_64__) || defined(__aarch64__)
constexpr bool kFilterIsKnown = true;
#else
constexpr bool kFilterIsKnown = false;
#endif

/// Forbids, for this thread and all that come of it, the system calls that change something which neither read-only
/// mounts, namespaces nor Landlock protect, those that could undo these, and all that are newer than this list.
/// False, with errno set, if the kernel takes no filter. Needs PR_SET_NO_NEW_PRIVS.
bool install_filter();

/// prctl(kQuestion) fails with the errno kAnswer behind the filter, and nowhere else.
constexpr int kQuestion = 0x6d676d74;
constexpr int kAnswer = 3911;

}  // namespace mgmt::confine
