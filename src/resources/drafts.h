// SPDX-License-Identifier: GPL-3.0-or-later
// What is being written beside its place has a name like `.mgmt-<run>-<number>~`, which run-parts, cron, sudo and
// systemd pass over. `run` is a random number of this process. An agent records its runs, and where they wrote, under
// its prefix, so that the next one can remove what a killed one left, and nothing else: drafts of other agents, on
// this host or on one that shares the file system, are theirs. One of it a process. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mgmt::drafts {

/// Once, before the first draft, by who alone has this agent's name: its records are in `folder` (which is there).
/// Without it this run is recorded nowhere, and knows of no other.
void belong_to(std::string folder, std::string agent);

/// At the end: nothing of this run is left, so its record goes.
void forget();

/// A draft couldn't be removed: the record stays.
void left_behind();

/// Appends a name that this process hasn't used yet, for an entry of `folder` (absolute); recorded before it returns,
/// if it can be: a full or read-only disk under the prefix is no reason not to write elsewhere.
void append_name(std::string& to, std::string_view folder);

/// True for such a name, whoever made it.
bool is_name(std::string_view name);

/// An earlier run of this agent that didn't come to its end.
struct DeadRun {
  std::string record;  // its file
  std::string names;   // what its drafts' names begin with
  std::vector<std::string> folders;
};

/// To the first caller; nothing to the others.
std::vector<DeadRun> take_dead_runs();

}  // namespace mgmt::drafts
