// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace mgmt
