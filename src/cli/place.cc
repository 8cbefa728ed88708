// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/place.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>

#include "src/base/path.h"
#include "src/cli/command_line.h"
#include "src/state/agent_state.h"
#include "src/world/local/prefix.h"

namespace mgmt::cli {

std::string Place::database() const { return state::database_path(prefix, hostname); }
std::string Place::socket() const { return join_path(clean_path(prefix), "db/agent/" + hostname + ".sock"); }

Error no_agent(const Place& place) {
  return Error(fmt::format("no agent named `{}` runs under {}", place.hostname, place.prefix))
      .hint(
          "--prefix and --hostname say which one is meant, as they did for `mgmt run`; a dry run leaves no trace, "
          "and can't be asked");
}

std::string hostname_of(const std::string& hostname) {
  std::string name = hostname;
  if (name.empty()) {
    char own[HOST_NAME_MAX + 1] = {};
    if (::gethostname(own, sizeof own - 1) != 0) throw Error::system(errno, "asking for the host's name");
    name = own;
  }
  if (auto wrong = hostname_error(name)) throw Error(*wrong);
  return name;
}

Place place_of(const std::string& prefix, const std::string& hostname) {
  return {.prefix = prefix.empty() ? world::local::default_prefix() : std::filesystem::absolute(prefix).string(),
          .hostname = hostname_of(hostname)};
}

}  // namespace mgmt::cli
