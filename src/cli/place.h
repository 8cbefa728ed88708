// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "src/base/error.h"

namespace mgmt::cli {

/// Which agent is meant: what `--prefix` and `--hostname` say, or what holds without them.
struct Place {
  std::string prefix;    // absolute
  std::string hostname;  // fit for a file's name

  std::string database() const;
  std::string socket() const;
};

/// What to say where no agent answers there.
Error no_agent(const Place& place);

/// Throws Error where a name can't be one, or there is no prefix to be had.
Place place_of(const std::string& prefix, const std::string& hostname);
/// The same with a prefix that is there.
std::string hostname_of(const std::string& hostname);

}  // namespace mgmt::cli
