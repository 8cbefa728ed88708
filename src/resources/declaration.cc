// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/declaration.h"

#include "src/resources/kind.h"

namespace mgmt {

std::string Declaration::id() const {
  std::string id = exported ? "@@" : "";
  id += kind->name;
  id += '[';
  id += name;
  id += ']';
  if (!origin.empty()) {
    id += '@';
    id += origin;
  }
  return id;
}

std::span<const std::string> Declaration::exports_to() const {
  static const std::string kAll = "*";
  if (exported && !meta->hidden && meta->exports.empty()) return {&kAll, 1};
  return meta->exports;
}

bool same_effect(const Declaration& a, const Declaration& b) {
  return a.kind == b.kind && a.exported == b.exported && a.name == b.name && a.origin == b.origin &&
         a.undoes == b.undoes && (a.meta == b.meta || *a.meta == *b.meta) && a.params == b.params;
}

}  // namespace mgmt
