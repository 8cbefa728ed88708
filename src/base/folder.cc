// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "src/base/error.h"
#include "src/base/path.h"

namespace mgmt {
namespace {

void ensure_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno != ENOENT)
    throw Error::system(errno, "creating the folder " + path).hint("choose another with --prefix, or --tmp-prefix");
  ensure_folder(parent_path(path));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw Error::system(errno, "creating the folder " + path);
}

// So that it can be pasted.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@%";
  if (text.find_first_not_of(kPlain) == text.npos) return text;
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

void ensure_private_folder(const std::string& path) {
  ensure_folder(path);
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) throw Error::system(errno, "looking at " + path);
  if (!S_ISDIR(st.st_mode)) throw Error(path + " is not a folder");
  if (st.st_uid != ::geteuid() || (st.st_mode & 022) != 0)
    throw Error(path + " belongs to somebody else, or others may write to it")
        .hint("choose another with --prefix, or --tmp-prefix");
}

std::optional<Error> loose_folder(const std::string& path) {
  struct stat st{};
  if (::geteuid() != 0 || ::stat(path.c_str(), &st) != 0) return std::nullopt;
  if (!S_ISDIR(st.st_mode))
    return Error(path + " is not a folder").hint("choose another with --prefix, or --tmp-prefix");
  std::string shown = shell_word(path);
  if (st.st_uid != 0)
    return Error(fmt::format("{} belongs to the user {}, who could make root do what he likes", path, st.st_uid))
        .hint(fmt::format("chown -R root: {0} && chmod 0700 {0}", shown));
  if ((st.st_mode & 077) != 0)
    return Error(fmt::format("{} is open to others (mode {:04o}), and holds what only root may see", path,
                             st.st_mode & 07777))
        .hint(fmt::format("chmod 0700 {}", shown));
  return std::nullopt;
}

}  // namespace mgmt
