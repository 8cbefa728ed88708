// SPDX-License-Identifier: GPL-3.0-or-later
// Modules: kinds whose library the core doesn't need live in lib/mgmt/KIND.so beside bin/, and are loaded with the
// first resource of the kind. A module is built against one build of the program and uses what that exports; any other
// is refused. The kind's descriptor (parameters, rules, documentation) is in the core all the same.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/resources/resource.h"

namespace mgmt {

/// What a module exports as `mgmt_module`.
struct Module {
  /// The GNU build id, in hex, of the program that it was linked against.
  const char* core_build_id;
  std::unique_ptr<Resource> (*create)(std::shared_ptr<const Declaration>, Services&);
  /// See Kind::answer; null for a kind without questions.
  std::vector<Value> (*answer)(const std::vector<std::string>& questions) = nullptr;
};

/// Loads lib/mgmt/<name>.so of the installation that this program is part of; it stays loaded. The Error says
/// where it was looked for and what to do.
Result<const Module*> load_module(std::string_view name);

/// A resource of the module's kind; where the module can't be loaded, one that fails with that Error.
std::unique_ptr<Resource> create_from_module(std::string_view name, std::shared_ptr<const Declaration> declaration,
                                             Services& services);

/// The GNU build id, in hex, of the running program; empty if it has none.
std::string build_id();

}  // namespace mgmt
