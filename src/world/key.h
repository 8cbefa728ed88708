// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of the world: /v1/<area>/<writer>/..., so that who may write is a prefix.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace mgmt::world {

constexpr std::string_view kExportsPrefix = "/v1/exports/";
constexpr std::string_view kDeploysPrefix = "/v1/deploys/";
constexpr std::string_view kStatusPrefix = "/v1/status/";
constexpr std::string_view kValuesPrefix = "/v1/values/";
constexpr std::string_view kPresencePrefix = "/v1/presence/";

/// Any name as one component of a key: '/', '%', control characters and NUL as %XX, "" as "%".
std::string escape_component(std::string_view name);
/// The name again; none if escape_component can't have written it.
std::optional<std::string> unescape_component(std::string_view component);

/// Exported for every host.
constexpr std::string_view kToAll = "*";

/// An exported resource: /v1/exports/<writer>/<to>/<kind>/<name>.
struct ExportId {
  std::string writer;
  std::string to;
  std::string kind;
  std::string name;
  friend auto operator<=>(const ExportId&, const ExportId&) = default;
};

std::string export_key(const ExportId& id);
std::optional<ExportId> parse_export_key(std::string_view key);
/// "/v1/exports/<writer>/"
std::string exports_of(std::string_view writer);

}  // namespace mgmt::world
