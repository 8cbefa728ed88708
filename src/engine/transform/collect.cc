// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/collect.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include "src/base/text.h"
#include "src/resources/kind.h"

namespace mgmt {

Combined combine(const std::shared_ptr<const ResourceGraph>& base,
                 std::span<const std::shared_ptr<const Declaration>> exported) {
  Combined result;
  auto graph = std::make_shared<ResourceGraph>(*base);
  std::set<std::tuple<const Kind*, std::string, std::string>> taken;
  // Who manages a path already: this graph's own resources come first.
  std::map<std::string, std::string> managers;
  if (!base->collects.empty()) {
    for (const auto& declaration : base->vertices) {
      if (declaration->hidden() || !declaration->kind->managed_path) continue;
      if (auto path = declaration->kind->managed_path(*declaration))
        managers.emplace(std::move(*path), declaration->id());
    }
  }
  for (const Collect& collect : base->collects) {
    for (const auto& declaration : exported) {
      if (declaration->kind != collect.kind) continue;
      auto leave_out = [&](const std::string& why) {
        result.left_out.push_back(fmt::format("{}: not collected: {}", printable(declaration->id()), why));
      };
      // A command from elsewhere runs with this agent's rights.
      if (collect.kind->name == "exec" && !collect.allow_exec) {
        leave_out("an exec is collected only where `collect:` says `allow_exec: true`");
        continue;
      }
      auto taken_in = std::make_shared<Declaration>(*declaration);
      taken_in->exported = false;
      taken_in->pos = collect.pos;
      try {
        if (collect.kind->collect_into) collect.kind->collect_into(*taken_in, collect.pattern);
      } catch (const Error& error) {
        leave_out(error.text());
        continue;
      }
      Diagnostics problems;
      if (collect.kind->validate) collect.kind->validate(*taken_in, problems);
      if (problems.has_errors()) {
        leave_out(problems.items().front().text);
        continue;
      }
      if (!taken.emplace(declaration->kind, declaration->name, declaration->origin).second) {
        leave_out("another `collect:` has taken it already");
        continue;
      }
      if (collect.kind->managed_path) {
        if (auto path = collect.kind->managed_path(*taken_in)) {
          auto [first, added] = managers.emplace(*path, declaration->id());
          if (!added) {
            leave_out(fmt::format("{} manages {} already", printable(first->second), printable(*path)));
            continue;
          }
        }
      }
      graph->vertices.push_back(std::move(taken_in));
    }
  }
  graph->topology = Topology(graph->vertices.size(), graph->topology.edges());
  result.graph = std::move(graph);
  return result;
}

}  // namespace mgmt
