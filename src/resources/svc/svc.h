// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of svc have in common: its parameters, and the unit that a name stands for. In the core, as kind.cc;
// the rest of the folder is the module `svc`, which needs libsdbus-c++.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/resources/resource.h"
#include "src/value/param.h"

namespace mgmt {

/// In the module.
std::unique_ptr<Resource> make_svc(std::shared_ptr<const Declaration> declaration, Services& services);

namespace svc {

inline constexpr std::string_view kRunning = "running";
inline constexpr std::string_view kStopped = "stopped";
inline constexpr std::string_view kEnabled = "enabled";
inline constexpr std::string_view kDisabled = "disabled";
inline constexpr std::string_view kMasked = "masked";

inline constexpr Param kParams[] = {
    {.name = "state",
     .type = kStr,
     .doc = "Whether the unit runs: `running` (systemd's *active*: a socket listens, a mount is mounted) or `stopped` "
            "(*inactive* or *failed*).",
     .values = {{kRunning, kStopped}}},
    {.name = "startup",
     .type = kStr,
     .doc = "Whether it starts with the machine: `enabled`, `disabled`, or `masked`, which nothing can start at all. "
            "`enabled` and `disabled` undo a mask; a unit without an [Install] section counts as disabled.",
     .values = {{kEnabled, kDisabled, kMasked}}},
    {.name = "session",
     .type = kBool,
     .doc = "A unit of the systemd of the user that mgmt runs as (`systemctl --user`), in the place of the machine's.",
     .default_text = "false"},
};
inline constexpr ParamIndex kState = param_index(kParams, "state");
inline constexpr ParamIndex kStartup = param_index(kParams, "startup");
inline constexpr ParamIndex kSession = param_index(kParams, "session");

/// The change of a Delta that stands for a refresh, and what it is done by.
inline constexpr std::string_view kRefresh = "refresh";
inline constexpr std::string_view kReload = "reload";
inline constexpr std::string_view kRestart = "restart";

/// "ssh.service" for "ssh", "backup.timer" for itself.
std::string unit_name(std::string_view name);

/// What a plan asks, see Kind::question: "system ssh.service", "user x.timer".
std::string question(const Declaration& declaration);
struct Question {
  bool session = false;
  std::string unit;
};
/// None for what question() never makes: it comes from a process that is not trusted.
std::optional<Question> parse_question(std::string_view text);

/// Whether one of these manages the unit file, or a drop-in of it, that `declaration` stands for.
bool changes_its_file(const Declaration& declaration, std::span<const Declaration* const> before);

}  // namespace svc
}  // namespace mgmt
