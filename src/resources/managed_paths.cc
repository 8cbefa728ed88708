// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "src/resources/resource.h"
#include "src/resources/resource_graph.h"

namespace mgmt {

ManagedPaths managed_paths_of(std::shared_ptr<const ResourceGraph> graph, const std::string& own_folder) {
  ManagedPaths paths;
  for (const auto& declaration : graph->vertices) {
    if (!declaration->kind->managed_path || declaration->exported) continue;
    if (auto path = declaration->kind->managed_path(*declaration))
      paths.all.push_back({std::move(*path), declaration.get()});
  }
  if (!own_folder.empty()) paths.all.push_back({own_folder});
  std::ranges::sort(paths.all, {}, &ManagedPaths::One::path);
  paths.graph = std::move(graph);
  return paths;
}

bool same_managed(const ManagedPaths& a, const ManagedPaths& b) {
  return std::ranges::equal(a.all, b.all, [](const ManagedPaths::One& x, const ManagedPaths::One& y) {
    return x.path == y.path && (x.by == y.by || (x.by && y.by && same_effect(*x.by, *y.by)));
  });
}

const ManagedPaths::One* ManagedPaths::find(std::string_view path) const {
  auto at = std::ranges::lower_bound(all, path, {}, [](const One& one) { return std::string_view(one.path); });
  return at != all.end() && at->path == path ? &*at : nullptr;
}

std::span<const ManagedPaths::One> ManagedPaths::below(std::string_view folder) const {
  std::string prefix(folder);
  if (!prefix.ends_with('/')) prefix += '/';
  auto begin = std::ranges::lower_bound(all, prefix, {}, &One::path);
  auto end = std::find_if_not(begin, all.end(), [&](const One& one) { return one.path.starts_with(prefix); });
  return {begin, end};
}

}  // namespace mgmt
