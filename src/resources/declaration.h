// SPDX-License-Identifier: GPL-3.0-or-later
// Declaration: what a user wrote of one resource, bound to its kind's table. Immutable; shared by graphs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/resources/meta.h"
#include "src/value/param.h"

namespace mgmt {

struct Kind;

struct Declaration {
  const Kind* kind = nullptr;
  /// Without "@@".
  std::string name;
  /// The host that exported it, if it was collected; else empty.
  std::string origin;
  SourcePos pos;
  Params params;
  /// Never null: meta parameters that nobody set are one shared object.
  std::shared_ptr<const Meta> meta = default_meta();
  /// Written as `@@name`, or with `meta: hidden`: it runs nothing here. If hosts may collect it, it is published
  /// when its predecessors are fine.
  bool exported = false;

  /// It isn't in the graph's file: it brings back what the resource of this id found, which was there. Else empty.
  std::string undoes;

  bool hidden() const { return exported; }
  /// The hosts that may collect it, "*" for all. A resource that isn't hidden runs here too.
  std::span<const std::string> exports_to() const;

  /// "file[motd]", "file[motd]@a" if collected from host a, "@@file[motd]" if hidden.
  std::string id() const;
};

/// Equal in everything that acts; places don't count.
bool same_effect(const Declaration& a, const Declaration& b);

}  // namespace mgmt
