// SPDX-License-Identifier: GPL-3.0-or-later
// confine: runs a program where it can read the machine and change nothing of it.
//
// What holds there, each by more than one thing:
//   files      all mounts are read-only (a mount namespace), Landlock takes every right to write, and seccomp what
//              Landlock doesn't know: modes, owners, times, attributes
//   processes  a PID namespace: no signal, no ptrace of a process outside
//   network    no socket of any family, so no daemon of this machine either (D-Bus)
//   the rest   an IPC namespace; no mount, no clock, no key ring, no io_uring, no terminal's input; no capability but
//   to
//              read all files and to become another user
// /dev/null can be written, and /tmp is a copy of its own that nobody else sees (where it can't be: read-only). /proc
// shows the machine's processes.
//
// It needs namespaces (as an ordinary user: of users too), Landlock (Linux 5.13) and seccomp, all of them.
#pragma once

#include <csignal>
#include <expected>
#include <string>
#include <vector>

#include "src/async/process.h"
#include "src/base/error.h"

namespace mgmt::confine {

struct Failure {
  /// The place can't be had here; else: the program in it could not be started.
  bool refused = false;
  Error error;
};

/// Runs `argv` (argv[0] is looked up in PATH) to its end. stdin is /dev/null, stdout and stderr are ours, `keep` (or
/// none: -1) is its descriptor 3; SIGINT, SIGTERM and SIGHUP are passed on. Call it before any thread starts.
std::expected<Ending, Failure> run(const std::vector<std::string>& argv, int keep = -1);

/// Whether this process runs in such a place. It is the kernel that is asked: nobody can pretend it.
bool active();

/// There, and without root: a file's owner (st_uid, st_gid) is shown as 65534 unless it is oneself.
bool hides_owners();

/// How `mgmt --confined COMMAND...`, which is run() as a program, says a Failure: killed by one of these signals, with
/// the error on stderr.
constexpr int kRefusedSignal = SIGUSR1;
constexpr int kNotStartedSignal = SIGUSR2;
int run_as_program(const std::vector<std::string>& argv);

/// Makes `command` run confined, by `mgmt --confined`; as it is, where we are confined already. False if this program
/// is no mgmt (a test).
bool wrap(Command& command);
/// From main(): this program understands --confined.
void offer();

}  // namespace mgmt::confine
