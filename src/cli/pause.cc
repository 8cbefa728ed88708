// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/pause.h"

#include <fmt/format.h>

#include "src/base/folder.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"
#include "src/state/pauses.h"
#include "src/views/entry.h"

namespace mgmt::cli {

namespace {

std::string what(const std::string& resource) { return resource.empty() ? "everything" : printable(resource); }

// It acts all the same; what is lost is lost with the agent.
void tell_lost(const Answer& answer) {
  if (std::string lost = text_of(answer.value, "lost"); !lost.empty())
    fmt::print(stderr, "mgmt: the agent's next run won't know of it: {}\n", printable(lost));
}

}  // namespace

int pause(const PauseCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  state::Pause pause{.resource = command.resource, .until = state::now() + command.time, .reason = command.reason};
  std::int64_t until = std::chrono::ceil<std::chrono::seconds>(pause.until).time_since_epoch().count();
  auto answer = ask_agent(place.socket(), Value(Map{{"ask", Value("pause")},
                                                    {"resource", Value(pause.resource)},
                                                    {"until", Value(until)},
                                                    {"reason", Value(pause.reason)}}));
  if (answer) {
    tell_lost(*answer);
  } else {
    std::string path = state::pauses_path(place.prefix, place.hostname);
    ensure_private_folder(parent_path(path));
    state::Pauses pauses = state::Pauses::read(path);
    pauses.expire(state::now());
    pauses.add({pause.resource, state::Time(std::chrono::seconds(until)), pause.reason});
    pauses.write(path);
  }
  fmt::print("{} is paused until {}{}\n", what(command.resource),
             views::time_text(state::Time(std::chrono::seconds(until))),
             answer ? "" : ", for the agent's next run: none runs now");
  return kOk;
}

int resume(const ResumeCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  auto answer = ask_agent(place.socket(), Value(Map{{"ask", Value("resume")}, {"resource", Value(command.resource)}}));
  if (answer) {
    tell_lost(*answer);
  } else {
    std::string path = state::pauses_path(place.prefix, place.hostname);
    state::Pauses pauses = state::Pauses::read(path);
    pauses.expire(state::now());
    auto ended = pauses.end(command.resource);
    if (!ended) throw Error(ended.error());
    pauses.write(path);
  }
  fmt::print("{} is no longer paused\n", what(command.resource));
  return kOk;
}

}  // namespace mgmt::cli
