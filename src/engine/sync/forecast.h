// SPDX-License-Identifier: GPL-3.0-or-later
// Forecast: what a swap comes to, put together from the Deltas of a dry run; and which vertices that has to look at.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/resources/resource_graph.h"
#include "src/value/delta.h"

namespace mgmt {

/// A path that a Delta changes.
struct Touched {
  std::string path;
  /// Entries that go there.
  std::uint64_t removes = 0;
};
/// Of a kind that manages paths; each once, in the order of the Delta.
std::vector<Touched> touched_by(const Declaration& declaration, const Delta& delta);

/// It is what a symlink at its path leads to (`follow: true`).
bool follows_link(const Declaration& declaration);

/// The resource as one, and each entry of its tree. A refresh follows from what others change, and isn't counted.
std::uint64_t changes_of(const Delta& delta);

class Forecast {
 public:
  struct Removal {
    std::string path, by;
    std::uint64_t entries = 0;
  };
  void add(const Declaration& declaration, const Delta& delta);
  /// Its check failed: what it would do counts as the least that it may be.
  void add_unknown(const Declaration& declaration);
  /// After the last: what lies within another removal goes with that one, and isn't counted twice.
  void finish();

  std::uint64_t changes = 0;
  std::uint64_t removed = 0;
  std::vector<Removal> removals;
};

/// What may be removed at once without asking.
constexpr std::uint64_t kUnasked = 20;

/// The vertices of `after` that the swap would look at anew and that its limits speak of, or that together may remove
/// more than `allowed` entries. Empty: no swap to it could go too far. Costs next to nothing where there is no limit,
/// and nothing that removes.
std::vector<VertexId> to_be_previewed(const ResourceGraph& before, const ResourceGraph& after, std::uint64_t allowed);

}  // namespace mgmt
