// SPDX-License-Identifier: GPL-3.0-or-later
// Pauses: for how long what is not repaired, as it stands in a file of its own beside the agent's database: a pause
// must hold where that can't be opened, and opens it for nobody.
//
//   {"pauses": [{"resource": "file[motd]", "until": 1764000000, "reason": "..."}]}
#pragma once

#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/state/rows.h"

namespace mgmt::state {

struct Pause {
  std::string resource;  // Declaration::id(); empty: all
  Time until;
  std::string reason;
  friend bool operator==(const Pause&, const Pause&) = default;
};

class Pauses {
 public:
  /// One that is there for the same resource is replaced.
  void add(Pause pause);
  /// Ends that of a resource; with "" all. An Error says why there is nothing to end.
  Result<std::vector<Pause>> end(const std::string& resource);
  /// Takes out what has ended by `now`.
  std::vector<Pause> expire(Time now);
  const std::vector<Pause>& all() const { return pauses_; }

  /// None where there is no file. Throws Error.
  static Pauses read(const std::string& path);
  /// Whole or not at all; removes the file if there are none. Throws Error.
  void write(const std::string& path) const;

  friend bool operator==(const Pauses&, const Pauses&) = default;

 private:
  std::vector<Pause> pauses_;  // by resource
};

/// "<prefix>/db/agent/<name>.pauses".
std::string pauses_path(const std::string& prefix, const std::string& name);

}  // namespace mgmt::state
