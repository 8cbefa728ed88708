// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/transform/secret_sources.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "src/base/path.h"
#include "src/resources/kind.h"
#include "src/resources/secrets.h"

namespace mgmt {
namespace {

/// The secrets that went to a path, by the path.
using Paths = std::unordered_map<std::string, Mask>;

std::optional<std::string> path_of(const Declaration& declaration) {
  if (!declaration.kind->managed_path || declaration.hidden()) return std::nullopt;
  return declaration.kind->managed_path(declaration);
}

// The secrets that a path written in a parameter brings along: of the file there, and of all below a folder. None: none
// (a secret may be too short to have a mask).
void bring(std::string_view written, const Paths& secret, std::optional<Mask>& into) {
  if (!written.starts_with('/')) return;
  std::string path = clean_path(written);
  for (const auto& [at, texts] : secret) {
    if (!is_within(at, path)) continue;
    if (!into) into.emplace();
    into->add(texts);
  }
}

std::optional<Mask> brought_by(const Value& value, const Paths& secret) {
  std::optional<Mask> mask;
  if (const auto* text = value.get_if<std::string>()) bring(*text, secret, mask);
  if (const auto* list = value.get_if<List>())
    for (const Value& one : *list)
      if (const auto* text = one.get_if<std::string>()) bring(*text, secret, mask);
  return mask;
}

// Null where nothing of it comes from a secret that it doesn't hold yet.
std::shared_ptr<Declaration> tainted(const Declaration& declaration, const std::string& own, const Paths& secret) {
  std::shared_ptr<Declaration> copy;
  for (const Params::Item& item : declaration.params.items()) {
    if (item.secret) continue;
    const auto* text = item.value.get_if<std::string>();
    if (text && clean_path(*text) == own) continue;  // where it is, not where it comes from
    std::optional<Mask> mask = brought_by(item.value, secret);
    if (!mask) continue;
    if (!copy) copy = std::make_shared<Declaration>(declaration);
    copy->params.taint(item.index, *mask);
  }
  return copy;
}

}  // namespace

std::shared_ptr<const ResourceGraph> taint_secret_sources(const std::shared_ptr<const ResourceGraph>& base) {
  Paths secret;
  for (const auto& declaration : base->vertices)
    if (auto path = path_of(*declaration))
      if (has_secrets(*declaration)) secret.emplace(std::move(*path), secrets_of(*declaration));
  if (secret.empty()) return base;
  auto graph = std::make_shared<ResourceGraph>(*base);
  // From copy to copy: each round makes at least one more path secret, or is the last.
  for (bool more = true; more;) {
    more = false;
    for (auto& declaration : graph->vertices) {
      auto own = path_of(*declaration);
      if (!own) continue;
      auto copy = tainted(*declaration, *own, secret);
      if (!copy) continue;
      secret[*own].add(secrets_of(*copy));
      declaration = std::move(copy);
      more = true;
    }
  }
  return graph;
}

}  // namespace mgmt
