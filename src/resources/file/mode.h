// SPDX-License-Identifier: GPL-3.0-or-later
// Mode: permissions as people write them: `0644`, `644`, `0o644`, `u=rw,go=r`, `g+w,o-x`, `a+X`.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"

namespace mgmt::file {

class Mode {
 public:
  static Result<Mode> parse(std::string_view text);

  /// The mode (12 bits) of something that has `current` now.
  mode_t of(mode_t current, bool is_folder) const;
  /// The mode, if it is the same whatever is there now.
  std::optional<mode_t> absolute() const { return absolute_; }
  /// "0644" where it is absolute, else the clauses in one order: "g+w,o-rx".
  std::string canonical() const;

 private:
  struct Clause {
    mode_t who;   // S_IRWXU | S_IRWXG | S_IRWXO
    char action;  // = + -
    std::string letters;
  };
  static Result<Mode> parse_symbolic(std::string_view text);

  std::optional<mode_t> absolute_;
  std::vector<Clause> clauses_;
};

/// "0644".
std::string octal(mode_t mode);

/// For the table of parameters; "" stays "".
Result<std::string> canonical_mode(std::string_view text);

}  // namespace mgmt::file
