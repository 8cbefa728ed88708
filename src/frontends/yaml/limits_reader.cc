// SPDX-License-Identifier: GPL-3.0-or-later
// GraphReader: `limits: {changes: 50, removals: 5, protect: [/etc/ssh]}`.
#include <fmt/format.h>

#include "src/base/path.h"
#include "src/frontends/shown.h"
#include "src/frontends/yaml/graph_reader.h"

namespace mgmt::yaml {
namespace {

constexpr std::string_view kNames[] = {"changes", "removals", "protect"};
enum LimitKey { kChanges, kRemovals, kProtect };
constexpr Param kChangesParam{.name = "changes", .type = kInt, .doc = {}, .min = 0};
constexpr Param kRemovalsParam{.name = "removals", .type = kInt, .doc = {}, .min = 0};
constexpr Param kPathParam{.name = "protect", .type = kStr, .doc = {}, .required = true};

std::string hint(std::string_view /*key*/) { return "it has changes, removals and protect"; }

}  // namespace

void GraphReader::read_limits() {
  Event first = nodes_.next();
  if (!nodes_.begins_map(first, "limits", "limits")) return;
  Limits limits;
  auto read_count = [&](const Param& param, std::optional<std::uint64_t>& into) {
    if (std::optional<PlacedValue> count = nodes_.read_value(param))
      into = static_cast<std::uint64_t>(count->value.get<std::int64_t>());
  };
  auto read_path = [&](const Event& item) {
    std::optional<PlacedValue> path = nodes_.read_value(kPathParam, item);
    if (!path) return;
    if (path->text().starts_with('/')) limits.protect.push_back(clean_path(path->text()));
    else
      diagnostics_.error(path->pos, fmt::format("`protect` must hold absolute paths, not `{}`", shown(path->text())),
                         "a path begins with `/`");
  };
  nodes_.each_known_key(
      "limits", kNames,
      [&](std::size_t which, const Key& key) {
        switch (which) {
          case kChanges: return read_count(kChangesParam, limits.changes);
          case kRemovals: return read_count(kRemovalsParam, limits.removals);
          case kProtect: {
            Event begin = nodes_.next();
            if (nodes_.begins_list(begin, key.text, "paths")) nodes_.each_item(read_path);
            return;
          }
        }
      },
      hint);
  builder_.add_limits(std::move(limits));
}

}  // namespace mgmt::yaml
