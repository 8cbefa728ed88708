// SPDX-License-Identifier: GPL-3.0-or-later
// Process: who did something, as far as it is known. Its arguments are no part of it: they may hold secrets.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace mgmt {

struct Process {
  pid_t pid = 0;
  /// As the kernel calls it, at most 15 bytes; "" if it had ended before anything could be read.
  std::string command;
  /// Who logged in; where nobody did, whose it is.
  std::optional<uid_t> uid;
  /// The name of that one, where /etc/passwd has it.
  std::string user;
  /// The kernel's audit session: the number that logind has for it.
  std::optional<std::uint32_t> session;
  /// systemd's unit: "ssh.service", "session-3.scope".
  std::string unit;
  /// The device of its terminal as /dev has it: "/dev/pts/3"; "" if it has none, or one of another mount namespace.
  std::string terminal;
  dev_t terminal_device = 0;

  pid_t parent = 0;
  std::uint64_t started = 0;  // in ticks since boot

  /// "rm (pid 4711, user alice, session 3, unit ssh.service)"; "a process that has ended (pid 4711)".
  std::string text() const;
};

}  // namespace mgmt
