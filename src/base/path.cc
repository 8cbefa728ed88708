// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/path.h"

namespace mgmt {

std::vector<std::string_view> path_components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    std::size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (!part.empty()) parts.push_back(part);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

static std::string_view without_trailing_slash(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// True for what clean_path() would give back as it is, but for a slash at its end; nearly all paths are written so.
static bool is_clean(std::string_view path) {
  if (!path.starts_with('/')) return false;
  for (std::size_t slash = 0; slash != path.npos; slash = path.find('/', slash + 1)) {
    std::string_view rest = path.substr(slash + 1);
    if (rest.starts_with('/') || rest.starts_with('.')) return false;
  }
  return true;
}

std::string clean_path(std::string_view path) {
  if (is_clean(path)) return std::string(without_trailing_slash(path));
  std::vector<std::string_view> kept;
  for (std::string_view part : path_components(path)) {
    if (part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
      continue;
    }
    kept.push_back(part);
  }
  std::string result;
  result.reserve(path.size());
  for (std::string_view part : kept) {
    result += '/';
    result += part;
  }
  return result.empty() ? "/" : result;
}

std::string parent_path(std::string_view path) {
  path = without_trailing_slash(path);
  std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string base_name(std::string_view path) {
  path = without_trailing_slash(path);
  std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool is_within(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::string join_path(std::string_view folder, std::string_view name) {
  std::string result(folder);
  if (result.empty() || result.back() != '/') result += '/';
  result += name;
  return result;
}

}  // namespace mgmt
