// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/prefix.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "src/base/error.h"
#include "src/base/folder.h"
#include "src/base/path.h"

namespace mgmt::world::local {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// A relative XDG path is to be ignored (XDG base directory specification).
bool is_absolute(std::string_view path) { return path.starts_with('/'); }

}  // namespace

std::string default_prefix() {
  // systemd gives several folders with colons between; the first is ours.
  if (std::string_view state = environment("STATE_DIRECTORY"); is_absolute(state))
    return clean_path(state.substr(0, state.find(':')));
  if (::geteuid() == 0) return "/var/lib/mgmt";
  if (std::string_view state = environment("XDG_STATE_HOME"); is_absolute(state))
    return join_path(clean_path(state), "mgmt");
  std::string_view home = environment("HOME");
  if (!is_absolute(home)) {
    const passwd* user = ::getpwuid(::geteuid());
    home = user && user->pw_dir ? user->pw_dir : "";
  }
  if (!is_absolute(home))
    throw Error("no home folder to keep state in").hint("choose a folder with --prefix, or --tmp-prefix");
  return join_path(clean_path(home), ".local/state/mgmt");
}

std::string ensure_db_folder(const std::string& prefix) {
  std::string folder = join_path(prefix, "db");
  ensure_private_folder(folder);
  return folder;
}

bool has_store(const std::string& prefix) {
  struct stat st{};
  return ::stat(join_path(prefix, "db/world.db").c_str(), &st) == 0;
}

}  // namespace mgmt::world::local
