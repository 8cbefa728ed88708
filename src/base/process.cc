// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/process.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace mgmt {

std::string Process::text() const {
  std::string out = command.empty() ? "a process that has ended" : printable(command);
  out += fmt::format(" (pid {}", pid);
  if (!user.empty()) out += ", user " + printable(user);
  else if (uid) out += fmt::format(", user {}", *uid);
  if (session) out += fmt::format(", session {}", *session);
  if (!unit.empty()) out += ", unit " + printable(unit);
  return out + ")";
}

}  // namespace mgmt
