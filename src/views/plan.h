// SPDX-License-Identifier: GPL-3.0-or-later
// Plan: what a run would do, as one document: for a person (text) or a program (JSON, version 1).
//
//   fmt::print("{}", views::to_text(plan, /*color=*/false));
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "src/value/delta.h"

namespace mgmt::views {

struct Plan {
  struct Resource {
    enum class State {
      Fine,     // as declared
      Change,   // `delta` would be applied
      Unknown,  // whether it would be can't be found out without changing something
      Failed,   // the check failed
      Blocked,  // behind one that failed, so not looked at
    } state = State::Fine;
    std::string id;
    /// file:line:column of its declaration.
    std::string place;
    std::shared_ptr<const Delta> delta = nullptr;
    /// What refreshes it, by changing or by having changed in a run that left it undone; what it refreshes if it
    /// changes.
    std::vector<std::string> refreshed_by = {}, refreshes = {};
    /// It was asked of the machine as it is now, and these, which come before it, would change that.
    std::vector<std::string> changes_before = {};
    /// What failed, or which resource before it did.
    std::string error = {}, hint = {};
    std::string blocked_by = {};
    /// Of a plan that is saved: a keyed hash of all of its delta, secrets included. Else empty.
    std::string seal = {};
  };
  /// The graph's name, and its file.
  std::string graph, file;
  /// Of a plan that is saved: all files of the graph, absolute.
  std::vector<std::string> files = {};
  /// Where it was made nothing could be changed.
  bool confined = false;
  /// Predecessors first.
  std::vector<Resource> resources;

  /// Of a plan that is saved: of this graph (a keyed hash of its text), and the key of all of these hashes.
  std::string graph_seal = {}, key = {};

  std::size_t count(Resource::State state) const;
  /// Nothing is to do, for sure.
  bool empty() const { return count(Resource::State::Fine) == resources.size(); }
};

std::string to_text(const Plan& plan, bool color);
std::string to_json(const Plan& plan);

}  // namespace mgmt::views
