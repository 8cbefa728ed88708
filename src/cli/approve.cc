// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/approve.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"

namespace mgmt::cli {
namespace {

// For the history; the socket is open only to the agent's own user and to root.
std::string who_asks() {
  const char* sudo = ::geteuid() == 0 ? std::getenv("SUDO_USER") : nullptr;
  if (sudo && *sudo != '\0') return sudo;
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
  return found ? found->pw_name : fmt::format("user {}", ::getuid());
}

std::int64_t number(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  const auto* count = found ? found->get_if<std::int64_t>() : nullptr;
  return count ? *count : 0;
}

}  // namespace

int approve(const ApproveCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  auto answer = ask_agent(
      place.socket(), Value(Map{{"ask", Value("approve")}, {"plan", Value(command.plan)}, {"by", Value(who_asks())}}));
  if (!answer)
    throw Error(fmt::format("no agent named `{}` runs under {}", place.hostname, place.prefix))
        .hint("--prefix and --hostname say which one is meant, as they did for `mgmt run`");
  auto removals = static_cast<std::size_t>(number(answer->value, "removals"));
  auto changes = static_cast<std::size_t>(number(answer->value, "changes"));
  fmt::print("approved: graph {}: {}, of which {} may go\n", printable(text_of(answer->value, "graph")),
             counted(changes, "change"), removals == 1 ? "1 entry" : fmt::format("{} entries", removals));
  return kOk;
}

}  // namespace mgmt::cli
