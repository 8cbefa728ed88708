// SPDX-License-Identifier: GPL-3.0-or-later
// The parameters of exec: what its documentation, its rules and its work have in common.
#pragma once

#include "src/value/param.h"

namespace mgmt::exec {

inline constexpr Type kStrings = list_of(kStr);
inline constexpr Type kStringMap = map_of(kStr);

inline constexpr Param kParams[] = {
    {.name = "cmd",
     .type = kStr,
     .doc =
         "The command. Without `shell` it is split at white space into a program and its arguments: there is no "
         "quoting, no variable and no pipe. A program without a slash is looked for in PATH (of `env`, if set there).",
     .default_text = "the name"},
    {.name = "args",
     .type = kStrings,
     .doc = "Arguments, each taken as it is written, white space included. `cmd` is then one word, the program. Not "
            "with `shell`."},
    {.name = "cwd", .type = kStr, .doc = "The folder the command runs in: absolute, or empty.", .default_text = "/"},
    {.name = "shell",
     .type = kStr,
     .doc = "Run the command as `<shell> -c <cmd>`, so that it may be a script in that shell's language. Empty: "
            "without a shell.",
     .default_text = "no shell"},
    {.name = "env",
     .type = kStringMap,
     .doc = "Environment variables for all commands of the resource. They are added to (or replace) the only ones that "
            "a command gets: PATH (the absolute folders of mgmt's own; as root without those that others may write to; "
            "else "
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin), HOME and "
            "USER of the user it runs as, and LANG=C.UTF-8."},
    {.name = "timeout",
     .type = kDuration,
     .doc = "How long `cmd` may take, from its start. Then its whole process group is killed (SIGKILL), and the "
            "resource has failed. 0: as long as it likes.",
     .default_text = "0",
     .min = 0,
     .max = 31'536'000'000,
     .unit = "s"},
    {.name = "ifcmd",
     .type = kStr,
     .doc =
         "A guard: `cmd` runs only if this command ends with status 0. It runs at every check, so it must "
         "change nothing; in a dry run it can't (see the guide on plans). Killed by a signal is an error, not a no."},
    {.name = "ifshell",
     .type = kStr,
     .doc = "The shell of `ifcmd`, as `shell` is of `cmd`.",
     .default_text = "no shell"},
    {.name = "ifcwd", .type = kStr, .doc = "The folder `ifcmd` runs in.", .default_text = "/"},
    {.name = "nifcmd",
     .type = kStr,
     .doc = "The reverse guard: `cmd` runs only if this command ends with another status than 0. Else as `ifcmd`; with "
            "both, both must allow it."},
    {.name = "nifshell",
     .type = kStr,
     .doc = "The shell of `nifcmd`, as `shell` is of `cmd`.",
     .default_text = "no shell"},
    {.name = "nifcwd", .type = kStr, .doc = "The folder `nifcmd` runs in.", .default_text = "/"},
    {.name = "creates",
     .type = kStr,
     .doc = "A guard: an absolute path that `cmd` makes. While something is there, `cmd` doesn't run. It is watched: "
            "when it goes, `cmd` runs again. A symlink to nothing counts as nothing."},
    {.name = "watchcmd",
     .type = kStr,
     .doc = "A command that runs as long as mgmt does and prints a line (on stdout or stderr) whenever there is a "
            "reason to look again. "
            "Without a guard, `cmd` then runs again. When it ends it is started again, after 1 s, doubling up to 60 s. "
            "Not in noop."},
    {.name = "watchshell",
     .type = kStr,
     .doc = "The shell of `watchcmd`, as `shell` is of `cmd`.",
     .default_text = "no shell"},
    {.name = "watchcwd", .type = kStr, .doc = "The folder `watchcmd` runs in.", .default_text = "/"},
    {.name = "watchfiles",
     .type = kStrings,
     .doc =
         "Absolute paths; a change of any of them is a reason to look again (symlinks are followed). With a slash at "
         "its end, a folder with everything below it. A `cmd` that writes what it watches runs for ever."},
    {.name = "user",
     .type = kStr,
     .doc = "The user, by name or number, that all commands of the resource run as; for another than mgmt's own, mgmt "
            "must be root. Its groups are the user's, all of them.",
     .default_text = "the user mgmt runs as"},
    {.name = "group",
     .type = kStr,
     .doc = "The group, by name or number, that all commands of the resource run as.",
     .default_text = "the primary group of `user`"},
    {.name = "stop",
     .type = kStr,
     .doc = "What a stop of mgmt means to `cmd` (and `refresh_cmd`) while it runs. `kill`: SIGTERM, and SIGKILL before "
            "the second is over. `wait`: mgmt waits for its end, and says so; a second signal kills it. `leave`: it "
            "goes on without mgmt.",
     .default_text = "kill",
     .values = {{"kill", "wait", "leave"}}},
    {.name = "refresh_only",
     .type = kBool,
     .doc = "Run `cmd` only when notified by a resource that changed something.",
     .default_text = "false"},
    {.name = "refresh_cmd",
     .type = kStr,
     .doc = "What runs in the place of `cmd` when the resource is notified, with the `shell`, `cwd` and `timeout` of "
            "`cmd`, but not its `args`, and without asking the guards.",
     .default_text = "`cmd`"},
    {.name = "reverse_cmd",
     .type = kStr,
     .doc =
         "What undoes `cmd`, with `meta: reverse`: it runs once after the resource has left the graph, with the "
         "`shell`, `cwd`, `env`, `user`, `group` and `timeout` of `cmd`, if `cmd` was begun. It may run twice, should "
         "mgmt be killed meanwhile."},
};

inline constexpr Param kOutputs[] = {
    {.name = "stdout", .type = kStr, .doc = "What `cmd` printed on its standard output when it last succeeded."},
    {.name = "stderr", .type = kStr, .doc = "The same of its standard error."},
    {.name = "output", .type = kStr, .doc = "Both, in the order in which they were read."},
};
inline constexpr std::size_t kMaxOutput = std::size_t{1} << 20;  // bytes of each

// Written in the graphs of 2016.
inline constexpr ObsoleteParam kObsolete[] = {
    {.name = "pollint", .note = "above 0 it means `meta: poll`"},
    {.name = "state", .note = "mgmt of 2016 read it, and it had no effect"},
};

inline constexpr ParamIndex kCmd = param_index(kParams, "cmd");
inline constexpr ParamIndex kArgs = param_index(kParams, "args");
inline constexpr ParamIndex kCwd = param_index(kParams, "cwd");
inline constexpr ParamIndex kShell = param_index(kParams, "shell");
inline constexpr ParamIndex kEnv = param_index(kParams, "env");
inline constexpr ParamIndex kTimeout = param_index(kParams, "timeout");
inline constexpr ParamIndex kIfCmd = param_index(kParams, "ifcmd");
inline constexpr ParamIndex kIfShell = param_index(kParams, "ifshell");
inline constexpr ParamIndex kIfCwd = param_index(kParams, "ifcwd");
inline constexpr ParamIndex kNifCmd = param_index(kParams, "nifcmd");
inline constexpr ParamIndex kNifShell = param_index(kParams, "nifshell");
inline constexpr ParamIndex kNifCwd = param_index(kParams, "nifcwd");
inline constexpr ParamIndex kCreates = param_index(kParams, "creates");
inline constexpr ParamIndex kWatchCmd = param_index(kParams, "watchcmd");
inline constexpr ParamIndex kWatchShell = param_index(kParams, "watchshell");
inline constexpr ParamIndex kWatchCwd = param_index(kParams, "watchcwd");
inline constexpr ParamIndex kWatchFiles = param_index(kParams, "watchfiles");
inline constexpr ParamIndex kUser = param_index(kParams, "user");
inline constexpr ParamIndex kGroup = param_index(kParams, "group");
inline constexpr ParamIndex kStop = param_index(kParams, "stop");
inline constexpr ParamIndex kRefreshOnly = param_index(kParams, "refresh_only");
inline constexpr ParamIndex kRefreshCmd = param_index(kParams, "refresh_cmd");
inline constexpr ParamIndex kReverseCmd = param_index(kParams, "reverse_cmd");
inline constexpr ParamIndex kStdout = param_index(kOutputs, "stdout");
inline constexpr ParamIndex kStderr = param_index(kOutputs, "stderr");
inline constexpr ParamIndex kBoth = param_index(kOutputs, "output");

/// What `reverse_cmd` has of `cmd`.
inline constexpr ParamIndex kUndoTakes[] = {kShell, kCwd, kEnv, kUser, kGroup, kTimeout};

/// The parameters of one of a resource's commands.
struct CommandParams {
  ParamIndex cmd, shell, cwd;
};
inline constexpr CommandParams kMain{kCmd, kShell, kCwd};
inline constexpr CommandParams kRefresh{kRefreshCmd, kShell, kCwd};
inline constexpr CommandParams kIf{kIfCmd, kIfShell, kIfCwd};
inline constexpr CommandParams kNif{kNifCmd, kNifShell, kNifCwd};
inline constexpr CommandParams kWatch{kWatchCmd, kWatchShell, kWatchCwd};

/// A string parameter; the graphs of 2016 write '' for one that isn't set.
inline std::string_view text_of(const Params& params, ParamIndex index) {
  const std::string* text = params.find<std::string>(index);
  return text ? std::string_view(*text) : std::string_view();
}

}  // namespace mgmt::exec
