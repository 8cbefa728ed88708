// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/draft.h"

#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "src/base/path.h"
#include "src/resources/drafts.h"

namespace mgmt::file {
namespace {

Error cannot_create(int failure, const Spot& spot) {
  std::string folder = parent_path(spot.shown);
  // ENOTDIR: see Ground.
  if (failure == ENOENT || (failure == ENOTDIR && spot.folder != AT_FDCWD))
    return Error(fmt::format("{}: the folder {} doesn't exist", spot.shown, folder))
        .hint(fmt::format("declare it too, as file `{}/` with `state: exists` (`recurse: true` makes its parents)",
                          folder));
  return Error::system(failure, "creating " + spot.shown);
}

}  // namespace

Draft::~Draft() {
  if (!made_) return;
  try {
    remove_entry(own(), Inside::Remove);
  } catch (const Raced&) {
    // Gone already.
  } catch (const Error&) {
    // The error that led here counts; the next run tries again.
    drafts::left_behind();
  }
}

void Draft::name_it() {
  std::string_view name = spot_.name;
  name_.reserve(name.size() + 48);
  name_ = name.substr(0, name.rfind('/') + 1);
  std::string_view shown = spot_.shown;
  drafts::append_name(name_, shown.substr(0, std::max<std::size_t>(shown.rfind('/'), 1)));
}

Fd Draft::make_file(mode_t mode) {
  name_it();
  Fd fd(::openat(spot_.folder, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) throw cannot_create(errno, spot_);
  made_ = true;
  return fd;
}

Fd Draft::make_nameless_file(mode_t mode) {
  std::string_view name = spot_.name;
  std::size_t slash = name.rfind('/');
  std::string folder(slash == std::string_view::npos ? "." : name.substr(0, std::max<std::size_t>(slash, 1)));
  Fd fd(::openat(spot_.folder, folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
  if (!fd) return make_file(mode);
  nameless_ = fd.get();
  return fd;
}

Fd Draft::make_folder() {
  name_it();
  if (::mkdirat(spot_.folder, name_.c_str(), 0700) != 0) throw cannot_create(errno, spot_);
  made_ = true;
  Fd fd(::openat(spot_.folder, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // Somebody who empties the folder above takes the draft along; no event tells of that, so it is tried again.
  if (!fd && errno == ENOENT) throw Raced(spot_.shown);
  if (!fd) throw Error::system(errno, "creating " + spot_.shown);
  return fd;
}

void Draft::make_link(const std::string& target) {
  name_it();
  if (::symlinkat(target.c_str(), spot_.folder, name_.c_str()) != 0) throw cannot_create(errno, spot_);
  made_ = true;
}

Fd Draft::without_writing(Fd fd) {
  // A nameless file ends its writing under no name anyway.
  if (nameless_ >= 0) return fd;
  Fd path(::openat(spot_.folder, name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!path) throw Raced(spot_.shown);
  return path;
}

void Draft::place(const Found* found, bool is_folder) {
  if (!found) return place_on_nothing();
  struct stat now{};
  if (::fstatat(spot_.folder, spot_.name, &now, AT_SYMLINK_NOFOLLOW) != 0 || now.st_ino != found->status.st_ino ||
      now.st_dev != found->status.st_dev)
    throw Raced(spot_.shown);
  // What is kept of it was read before; a folder's time moves with what happens inside it, which goes anyway.
  if (found->kept && !same_version(now, found->status)) throw Raced(spot_.shown);
  if (!is_folder && !S_ISDIR(now.st_mode))
    return renamed(::renameat(spot_.folder, name_.c_str(), spot_.folder, spot_.name));
  // A folder can't be renamed over, but two names can be exchanged in one step; the old thing then goes with the
  // draft.
  refuse_mounts(spot_, Inside::Remove);
  if (exchange()) {
    remove_entry(own(), Inside::Remove);
    made_ = false;
    return;
  }
  remove_entry(spot_, Inside::Remove);
  place_on_nothing();
}

void Draft::place_on_nothing() {
  if (nameless_ >= 0) return link_in_place();
  int failure = ::renameat2(spot_.folder, name_.c_str(), spot_.folder, spot_.name, RENAME_NOREPLACE);
  if (failure != 0 && errno == EINVAL) {
    // A file system (NFS, some of FUSE) that can't: the look just before is the best there is.
    struct stat now{};
    if (::fstatat(spot_.folder, spot_.name, &now, AT_SYMLINK_NOFOLLOW) == 0) throw Raced(spot_.shown);
    failure = ::renameat(spot_.folder, name_.c_str(), spot_.folder, spot_.name);
  }
  renamed(failure);
}

void Draft::link_in_place() {
  if (::linkat(nameless_, "", spot_.folder, spot_.name, AT_EMPTY_PATH) == 0) return;
  // Without CAP_DAC_READ_SEARCH the kernel wants the detour.
  int failure = errno;
  if (failure == ENOENT) {
    std::string proc = fmt::format("/proc/self/fd/{}", nameless_);
    if (::linkat(AT_FDCWD, proc.c_str(), spot_.folder, spot_.name, AT_SYMLINK_FOLLOW) == 0) return;
    failure = errno;
  }
  errno = failure;
  renamed(-1);
}

bool Draft::exchange() {
  if (::renameat2(spot_.folder, name_.c_str(), spot_.folder, spot_.name, RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL) return false;
  renamed(-1);
  return false;
}

void Draft::renamed(int failure) {
  if (failure == 0) {
    made_ = false;
    return;
  }
  if (errno == EBUSY)
    throw Error::system(errno, "putting " + spot_.shown + " in its place")
        .hint(
            "something is mounted there (as a container's /etc/hosts is), which can't be renamed over: "
            "`write: inplace` writes into it");
  // ENOENT: the folder went, or somebody took our draft for a leftover.
  if (errno == EEXIST || errno == ENOENT || errno == EISDIR || errno == ENOTDIR) throw Raced(spot_.shown);
  throw Error::system(errno, "putting " + spot_.shown + " in its place");
}

}  // namespace mgmt::file
