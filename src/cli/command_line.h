// SPDX-License-Identifier: GPL-3.0-or-later
// CommandLine: what the user asked for, as data.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "src/base/error.h"
#include "src/resources/unsynced.h"
#include "src/state/rows.h"
#include "src/views/views.h"

namespace mgmt::cli {

struct RunCommand {
  /// What is named as the graph: files, folders, `-`.
  std::vector<std::string> files;
  /// Whoever could have written them.
  bool trust_file = false;
  /// Exit after so long without a change; none: run on.
  std::optional<std::chrono::duration<double>> converged_timeout;
  bool once = false;
  std::optional<std::chrono::duration<double>> max_runtime;
  bool noop = false;
  bool detailed_exitcode = false;
  std::int64_t sema = 0;
  std::uint32_t repair_limit = 1000;
  /// 0: never.
  std::chrono::duration<double> recheck = std::chrono::minutes(30);
  std::chrono::duration<double> repair_period{10};
  /// Entries that may go in one swap; none: as the graph says.
  std::optional<std::uint64_t> allow_removals;
  std::string hostname;  // empty: the machine's
  std::string graphviz;
  std::string trace;
  bool no_watch = false;
  bool no_tell = false;
  std::string prefix;  // empty: the default
  bool tmp_prefix = false;
  Durability durability = Durability::Burst;
  views::Options view;

  bool asks_for_convergence() const { return once || converged_timeout.has_value(); }
};

struct PlanCommand {
  /// A dry run, to its convergence.
  RunCommand run;
  bool json = false;
  /// Where it is saved; empty: nowhere.
  std::string save = {};
  /// A saved one, to be compared with.
  std::string same_as = {};
};

struct ApplyCommand {
  std::string plan;
  /// Without its file.
  RunCommand run;
};

struct CheckCommand {
  std::vector<std::string> files;
};

struct GraphCommand {
  /// Empty: the graph of the running agent.
  std::vector<std::string> files;
  bool running = false;
  std::string prefix, hostname;
  /// .dot, .svg or .png; empty: dot text to stdout.
  std::string output;
  /// Instead: the edges as text, and why each is there; as JSON.
  bool explain = false;
  bool json = false;
};

struct InitCommand {
  std::string file;
};

struct ResourcesCommand {
  std::string kind;
  bool json = false;
  bool markdown = false;
};

struct HistoryCommand {
  std::string prefix, hostname;
  std::optional<state::Time> since;
  std::string resource;
  std::size_t limit = SIZE_MAX;
  bool json = false;
};

struct StatusCommand {
  std::string prefix, hostname;
  bool orphans = false;
  bool json = false;
};

struct WhyCommand {
  std::string prefix, hostname;
  std::string resource;
  bool json = false;
};

struct ApproveCommand {
  std::string prefix, hostname;
  /// Only this one; empty: what waits.
  std::string plan;
};

struct ReapCommand {
  std::string prefix, hostname;
  bool yes = false;
  bool json = false;
};

struct SettleCommand {
  std::string prefix, hostname;
  std::chrono::duration<double> timeout = std::chrono::seconds(60);
  bool json = false;
};

struct RestoreCommand {
  std::string prefix, hostname;
  /// Empty: list what is kept.
  std::string path;
  /// The beginning of its SHA-256; empty: the last one.
  std::string sum;
  bool json = false;
};

struct PauseCommand {
  std::string prefix, hostname;
  std::string resource;  // empty: all
  std::chrono::seconds time{0};
  std::string reason;
};

struct ResumeCommand {
  std::string prefix, hostname;
  std::string resource;  // empty: all
};

struct WhoseCommand {
  std::string prefix, hostname;
  std::string path;
  /// Instead: what nobody manages in it.
  bool unmanaged = false;
  bool json = false;
};

struct GetCommand {
  std::string kind;
  std::vector<std::string> names;
};

struct VersionCommand {};

/// Text for stdout, and nothing else to do.
struct HelpCommand {
  std::string text;
};

using Command =
    std::variant<RunCommand, PlanCommand, ApplyCommand, CheckCommand, GraphCommand, InitCommand, ResourcesCommand,
                 HistoryCommand, StatusCommand, WhyCommand, ApproveCommand, ReapCommand, RestoreCommand, SettleCommand,
                 PauseCommand, ResumeCommand, WhoseCommand, GetCommand, VersionCommand, HelpCommand>;

/// Why this can't be a host's name (a part of keys, and of a file's name), if it can't.
std::optional<Error> hostname_error(const std::string& name);

/// `arguments` without the program's name. An Error is the user's: exit 2.
Result<Command> parse_command_line(std::vector<std::string> arguments);

}  // namespace mgmt::cli
