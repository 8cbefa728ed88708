// SPDX-License-Identifier: GPL-3.0-or-later
// Delta: the difference between what is and what is declared, as data. What `check` returns, `apply`
// takes, --noop prints and the report carries. Empty means fine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/value/value.h"

namespace mgmt {

/// Both texts of a content change, bounded; only filled where somebody will show them (see Inputs::want_text).
struct TextPair {
  std::string before = {};
  std::string after = {};
  /// What is shown of texts that must not be seen, or aren't worth it; then they are empty.
  std::string instead = {};
};

struct Change {
  /// The parameter's name as in the kind's table.
  std::string param;
  /// What inside the resource: a path below a tree, else empty.
  std::string item = {};
  /// None where there is nothing (a missing file), and for secrets.
  Value before = {};
  Value after = {};
  /// False if `after` shows only in the run (a command's output).
  bool known = true;
  /// Of one that isn't known: why it can't even be said whether it will be (a guard that may not run in a dry run).
  std::string why = {};
  bool secret = false;
  /// Something that is done (a command, a refresh), not a state: there is nothing that somebody could change back.
  bool action = false;
  /// How many entries of file systems it takes away: 1 for a file, for a folder also what it holds.
  std::uint64_t removes = 0;
  std::shared_ptr<const TextPair> text = nullptr;
};

struct Delta {
  std::vector<Change> changes = {};
  /// What whoever runs this should know of it before, or after: each is said once.
  std::vector<std::string> warnings = {};
  bool empty() const { return changes.empty(); }
};

/// It changes no state: all that it has are actions.
bool is_action(const Delta& delta);
/// Of all of its changes.
std::uint64_t removals_of(const Delta& delta);

/// Content as a value: {sha256, size}, never the bytes. `sha256` is in hex.
Value content_value(std::string sha256, std::int64_t size);
bool is_content(const Value& value);

/// The unified diff of its texts, in lines, or what is shown instead; "" if there is none. The one way to them.
std::string diff_of(const Change& change);

/// "content: 12 bytes → 30 bytes", "mode: 0644 → 0600", "sub/a.txt: state: (none) → exists".
std::string to_text(const Change& change);

}  // namespace mgmt
