// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/sync/sync.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mgmt {
namespace {

struct Identity {
  const Kind* kind;
  std::string_view name;
  std::string_view origin;
  bool hidden;
  /// Of a hidden one: there may be others of the name, for other hosts.
  std::span<const std::string> hosts;

  explicit Identity(const Declaration& d) : kind(d.kind), name(d.name), origin(d.origin), hidden(d.hidden()) {
    if (hidden) hosts = d.exports_to();
  }
  friend bool operator==(const Identity& a, const Identity& b) {
    return a.kind == b.kind && a.name == b.name && a.origin == b.origin && a.hidden == b.hidden &&
           std::ranges::equal(a.hosts, b.hosts);
  }
};

struct IdentityHash {
  std::size_t operator()(const Identity& id) const {
    std::size_t hash = std::hash<std::string_view>{}(id.name);
    return hash ^ (std::hash<const void*>{}(id.kind) * 31) ^ (std::hash<std::string_view>{}(id.origin) * 17) ^
           (id.hidden ? 1 : 0);
  }
};

}  // namespace

SyncPlan plan_sync(const ResourceGraph& before, const ResourceGraph& after) {
  SyncPlan plan;
  plan.matches.resize(after.vertices.size());
  std::vector<bool> matched(before.vertices.size(), false);
  // An edit leaves most of a file where it was: try the next place before the table.
  std::unordered_map<Identity, VertexId, IdentityHash> index;
  bool indexed = false;
  VertexId expected = 0;
  for (VertexId v = 0; v < after.vertices.size(); ++v) {
    const Declaration& declaration = *after.vertices[v];
    Identity identity(declaration);
    VertexId old = SyncPlan::kNone;
    if (expected < before.vertices.size() && Identity(*before.vertices[expected]) == identity) {
      old = expected;
    } else {
      if (!indexed) {
        indexed = true;
        index.reserve(before.vertices.size());
        for (VertexId o = 0; o < before.vertices.size(); ++o) index.emplace(Identity(*before.vertices[o]), o);
      }
      if (auto found = index.find(identity); found != index.end()) old = found->second;
    }
    if (old == SyncPlan::kNone) {
      ++plan.added;
      continue;
    }
    matched[old] = true;
    expected = old + 1;
    bool same = before.vertices[old] == after.vertices[v] || same_effect(*before.vertices[old], declaration);
    plan.matches[v] = {.old = old, .same = same};
    ++(same ? plan.kept : plan.changed);
  }
  for (VertexId o = 0; o < before.vertices.size(); ++o)
    if (!matched[o]) plan.removed.push_back(o);
  return plan;
}

}  // namespace mgmt
