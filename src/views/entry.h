// SPDX-License-Identifier: GPL-3.0-or-later
// An entry of the history for a program and for a person.
#pragma once

#include <string>

#include "src/state/rows.h"

namespace mgmt::views {

/// One object: {"time", "resource", "what", "intent", "cause", "from", "event", "before", "seconds", "check", "apply",
/// "changes", "diffs", "error", "hint", "by", "times"}; what isn't known is left out. docs/guide/history.md says what
/// each means.
std::string to_json(const state::Entry& entry);

/// "2026-11-24T03:50:37+00:00 changed file[motd] (3 ms): content 2 bytes → 3 bytes", then indented lines.
/// With Detail::Yes also what had to be fine before, and what the check and the apply took.
enum class Detail { No, Yes };
std::string to_text(const state::Entry& entry, Detail detail = Detail::No);

/// Why it was looked at, in words: "an event", "/etc/motd was removed (DELETE)", "a refresh by file[conf]".
std::string cause_text(const std::string& cause, const std::string& from, const std::string& event);

std::string time_text(state::Time time);

}  // namespace mgmt::views
