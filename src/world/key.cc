// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/key.h"

#include <array>

namespace mgmt::world {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

bool is_escaped(char c) {
  auto byte = static_cast<unsigned char>(c);
  return c == '/' || c == '%' || byte < 0x20 || byte == 0x7f;
}

}  // namespace

std::string escape_component(std::string_view name) {
  if (name.empty()) return "%";
  std::string out;
  for (char c : name) {
    if (!is_escaped(c)) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::optional<std::string> unescape_component(std::string_view component) {
  if (component == "%") return "";
  if (component.empty()) return std::nullopt;
  std::string out;
  while (!component.empty()) {
    char c = component.front();
    std::size_t length = 1;
    if (c == '%') {
      if (component.size() < 3) return std::nullopt;
      std::size_t high = kHex.find(component[1]), low = kHex.find(component[2]);
      if (high == kHex.npos || low == kHex.npos) return std::nullopt;
      c = static_cast<char>(high << 4 | low);
      length = 3;
    }
    // One name has one key: what needs no escape isn't escaped.
    if (is_escaped(c) != (length == 3)) return std::nullopt;
    out += c;
    component.remove_prefix(length);
  }
  return out;
}

std::string exports_of(std::string_view writer) { return std::string(kExportsPrefix) + escape_component(writer) + "/"; }

std::string export_key(const ExportId& id) {
  return exports_of(id.writer) + escape_component(id.to) + "/" + escape_component(id.kind) + "/" +
         escape_component(id.name);
}

std::optional<ExportId> parse_export_key(std::string_view key) {
  if (!key.starts_with(kExportsPrefix)) return std::nullopt;
  key.remove_prefix(kExportsPrefix.size());
  std::array<std::string, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::size_t slash = key.find('/');
    if ((slash == key.npos) != (i + 1 == parts.size())) return std::nullopt;
    std::optional<std::string> part = unescape_component(key.substr(0, slash));
    if (!part) return std::nullopt;
    parts[i] = std::move(*part);
    if (slash != key.npos) key.remove_prefix(slash + 1);
  }
  return ExportId{std::move(parts[0]), std::move(parts[1]), std::move(parts[2]), std::move(parts[3])};
}

}  // namespace mgmt::world
