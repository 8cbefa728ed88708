// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/needs_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <unordered_map>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/kind.h"

namespace mgmt::cli {

namespace {

/// Which folders we may make entries in, each asked once.
class Folders {
 public:
  /// Why there can be no entry; "" if there can.
  const std::string& obstacle(const std::string& path) {
    auto [at, is_new] = known_.try_emplace(path);
    if (!is_new) return at->second;
    std::string why;
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
      // What is missing is made in the folder above it, by this resource or another one.
      if (errno == ENOENT && path != "/") why = obstacle(parent_path(path));
      else if (errno == EACCES || errno == EPERM) why = printable(path) + " isn't writable";
    }
    return known_[path] = std::move(why);
  }

 private:
  std::unordered_map<std::string, std::string> known_;
};

}  // namespace

std::string needs_root(const ResourceGraph& graph) {
  if (::geteuid() == 0) return "";
  constexpr std::size_t kNamed = 3;
  Folders folders;
  std::size_t count = 0, all = 0;
  std::string named;
  for (const auto& declaration : graph.vertices) {
    if (declaration->exported) continue;
    ++all;
    const Kind& kind = *declaration->kind;
    std::string why = kind.needs_root ? kind.needs_root(*declaration) : "";
    if (why.empty() && kind.managed_path)
      if (auto path = kind.managed_path(*declaration)) why = folders.obstacle(parent_path(*path));
    if (why.empty() || ++count > kNamed) continue;
    named += fmt::format("{}{} ({})", named.empty() ? "" : ", ", declaration->id(), why);
  }
  if (count == 0) return "";
  if (count > kNamed) named += fmt::format(" and {} more", count - kNamed);
  return fmt::format("{} of {} need{} root: {}", count, counted(all, "resource"), count == 1 ? "s" : "", named);
}

}  // namespace mgmt::cli
