// SPDX-License-Identifier: GPL-3.0-or-later
// Prose: an event in words, as lines and terminal have it. All that comes from outside (names, values, output of
// commands) is made printable: a file's content can't drive somebody's terminal.
#pragma once

#include <string>

#include "src/report/event.h"

namespace mgmt::views {

struct Prose {
  bool color = false;
  report::Notice::Level level = report::Notice::Level::Info;
  /// Only failures, warnings, and a summary that tells of one.
  bool quiet = false;
  /// Somebody sits there, and may press Ctrl-C.
  bool interactive = false;

  bool wants(const report::Body& body) const;
  /// Appends whole lines, those after the first indented; nothing if the event isn't wanted.
  void append(const report::Body& body, std::string& out) const;
};

/// "content 12 bytes → 30 bytes", "sub/a.txt: mode 0600 → 0644"; what there was nothing of before, without the arrow.
std::string change_text(const Change& change);

/// Appends a line for each change, indented, with the difference of its text.
void append_changes(const std::vector<Change>& changes, bool color, std::string& out);

/// "0.3 ms", "3 ms", "35.02 s", "2 min 5 s", "3 h 20 min".
std::string duration_text(double seconds);

}  // namespace mgmt::views
