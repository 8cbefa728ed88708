// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>

#include "src/resources/kind.h"

namespace mgmt {

#define MGMT_KIND(Name) extern const Kind k##Name##Kind;
#include "src/resources/kinds.def"
#undef MGMT_KIND

namespace {

constexpr std::array kKinds{
#define MGMT_KIND(Name) &k##Name##Kind,
#include "src/resources/kinds.def"
#undef MGMT_KIND
};

}  // namespace

std::span<const Kind* const> all_kinds() { return kKinds; }

const Kind* find_kind(std::string_view name) {
  for (const Kind* kind : kKinds)
    if (kind->name == name || kind->aliases.contains(name)) return kind;
  return nullptr;
}

}  // namespace mgmt
