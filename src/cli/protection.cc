// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/protection.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "src/base/path.h"
#include "src/engine/sync/forecast.h"
#include "src/resources/kind.h"

namespace mgmt::cli {
namespace {

// With every symlink on the way followed, as far as there is something.
std::string resolved(const std::string& path) {
  std::array<char, PATH_MAX> real;
  if (::realpath(path.c_str(), real.data())) return real.data();
  if (path == "/") return path;
  return join_path(resolved(parent_path(path)), base_name(path));
}

// A link that stands at the place itself is what changes, and not what it points to.
std::string place_of(const std::string& path) {
  return path == "/" ? path : join_path(resolved(parent_path(path)), base_name(path));
}

}  // namespace

std::vector<std::string> Protection::touched(const Declaration& declaration, const Delta& delta) const {
  std::vector<std::string> found;
  if (paths_.empty()) return found;
  for (Touched& touched : touched_by(declaration, delta)) {
    std::string real = follows_link(declaration) ? resolved(touched.path) : place_of(touched.path);
    bool hit = std::ranges::any_of(paths_, [&](const std::string& path) {
      auto meets = [&](const std::string& what, const std::string& kept) {
        return is_within(what, kept) || (touched.removes > 0 && is_within(kept, what));
      };
      return meets(touched.path, path) || meets(real, resolved(path)) || meets(real, place_of(path));
    });
    if (hit) found.push_back(std::move(touched.path));
  }
  return found;
}

}  // namespace mgmt::cli
