// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/write.h"

#include <fmt/format.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "src/base/error.h"
#include "src/base/path.h"
#include "src/resources/file/keep.h"
#include "src/resources/file/temporary.h"

namespace mgmt::file {
namespace {

constexpr mode_t kSetId = S_ISUID | S_ISGID;

Error cannot_create(int failure, const Spot& spot) {
  std::string folder = parent_path(spot.shown);
  if (failure == ENOENT)
    return Error(fmt::format("{}: the folder {} doesn't exist", spot.shown, folder))
        .hint(fmt::format("declare it too, as file `{}/` with `state: exists` (`recurse: true` makes its parents)",
                          folder));
  return Error::system(failure, "creating " + spot.shown);
}

// Something under a temporary name beside its place; goes again unless it is placed.
class Draft {
 public:
  explicit Draft(const Spot& spot) : spot_(spot) {
    std::string_view name = spot.name;
    name_.reserve(name.size() + 48);
    name_ = name.substr(0, name.rfind('/') + 1);
    append_temporary_name(name_);
  }
  ~Draft() {
    if (!made_) return;
    try {
      remove_entry(own(), Inside::Remove);
    } catch (const Error&) {
      // The error that led here counts; the name tells the next run that this is a leftover.
    }
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Fd make_file(mode_t mode) {
    Fd fd(::openat(spot_.folder, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) throw cannot_create(errno, spot_);
    made_ = true;
    return fd;
  }
  // Without any name, where the file system can: a crash leaves nothing then, and the folder changes once instead
  // of three times. Only for what replaces nothing, since a link can't go over a name.
  Fd make_nameless_file(mode_t mode) {
    std::string_view name = spot_.name;
    std::size_t slash = name.rfind('/');
    std::string folder(slash == std::string_view::npos ? "." : name.substr(0, std::max<std::size_t>(slash, 1)));
    Fd fd(::openat(spot_.folder, folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
    if (!fd) return make_file(mode);
    nameless_ = fd.get();
    return fd;
  }
  Fd make_folder() {
    if (::mkdirat(spot_.folder, name_.c_str(), 0700) != 0) throw cannot_create(errno, spot_);
    made_ = true;
    Fd fd(::openat(spot_.folder, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // Somebody who empties the folder above takes the draft along; no event tells of that, so it is tried again.
    if (!fd && errno == ENOENT) throw Raced(spot_.shown);
    if (!fd) throw Error::system(errno, "creating " + spot_.shown);
    return fd;
  }
  void make_link(const std::string& target) {
    if (::symlinkat(target.c_str(), spot_.folder, name_.c_str()) != 0) throw cannot_create(errno, spot_);
    made_ = true;
  }

  /// The same file, to be looked at only; what was open for writing is closed.
  Fd without_writing(Fd fd) {
    // A nameless file ends its writing under no name anyway.
    if (nameless_ >= 0) return fd;
    Fd path(::openat(spot_.folder, name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!path) throw Raced(spot_.shown);
    return path;
  }

  Spot own() const { return {.folder = spot_.folder, .name = name_.c_str(), .shown = spot_.shown}; }

  void place(const Found* found, bool is_folder) {
    if (!found) return place_on_nothing();
    struct stat now{};
    if (::fstatat(spot_.folder, spot_.name, &now, AT_SYMLINK_NOFOLLOW) != 0 || now.st_ino != found->status.st_ino ||
        now.st_dev != found->status.st_dev)
      throw Raced(spot_.shown);
    // What is kept of it was read before; a folder's time moves with what happens inside it, which goes anyway.
    if (found->file && !same_version(now, found->status)) throw Raced(spot_.shown);
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

 private:
  void place_on_nothing() {
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
  void link_in_place() {
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
  bool exchange() {
    if (::renameat2(spot_.folder, name_.c_str(), spot_.folder, spot_.name, RENAME_EXCHANGE) == 0) return true;
    if (errno == EINVAL) return false;
    renamed(-1);
    return false;
  }
  void renamed(int failure) {
    if (failure == 0) {
      made_ = false;
      return;
    }
    // ENOENT: the folder went, or somebody took our draft for a leftover.
    if (errno == EEXIST || errno == ENOENT || errno == EISDIR || errno == ENOTDIR) throw Raced(spot_.shown);
    throw Error::system(errno, "putting " + spot_.shown + " in its place");
  }

  const Spot& spot_;
  std::string name_;
  bool made_ = false;
  int nameless_ = -1;  // the file's descriptor, which write_file owns
};

// What a thing is to have in the end.
struct Final {
  mode_t mode;
  uid_t owner;
  gid_t group;
};

// `old` is what is changed or replaced in the same type, null for what is new.
Final final_of(const Attributes& attributes, const struct stat* old, bool is_folder) {
  Final final{attributes.fallback, attributes.owner, attributes.group};
  if (old) {
    final.mode = old->st_mode & 07777;
    if (final.owner == kAsFound) final.owner = old->st_uid;
    if (final.group == kAsFound) final.group = old->st_gid;
    // As chown(2): who gets a program doesn't get the power that the one before gave to it.
    if (!is_folder && (final.owner != old->st_uid || final.group != old->st_gid)) final.mode &= ~kSetId;
  }
  if (attributes.mode) final.mode = attributes.mode->of(final.mode, is_folder);
  return final;
}

void change_owner(int fd, const Final& final, const Spot& spot) {
  if (::fchown(fd, final.owner, final.group) != 0)
    throw Error::system(errno, fmt::format("giving {} to its owner (user {}, group {})", spot.shown,
                                           static_cast<int>(final.owner), static_cast<int>(final.group)));
}

void change_mode(int fd, const Final& final, const Attributes& attributes, const Spot& spot) {
  if (::fchmod(fd, final.mode) == 0) return;
  // A file system with fixed modes (vfat): what nobody declared isn't missed.
  if (errno == EPERM && !attributes.mode) return;
  throw Error::system(errno, "setting the mode of " + spot.shown);
}

struct stat status_of(int fd, const Spot& spot) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw Error::system(errno, "looking at " + spot.shown);
  return status;
}

struct stat settled(int fd, const Final& final, const Attributes& attributes, const Spot& spot) {
  struct stat status = status_of(fd, spot);
  if (attributes.mode && (status.st_mode & 07777) != final.mode)
    throw Error(
        fmt::format("{}: the system made the mode {} of {}", spot.shown, octal(status.st_mode), octal(final.mode)))
        .hint("a set-gid bit needs membership in the group, and some file systems have fixed modes");
  return status;
}

// What is at its place now, if it is as it was when it was put there. If not, somebody was at it since, and that must
// not pass for what we left: then what we put there, which nobody will find again.
struct stat left_by_us(const struct stat& placed, const struct stat& now) {
  bool untouched = placed.st_mode == now.st_mode && placed.st_uid == now.st_uid && placed.st_gid == now.st_gid;
  if (!S_ISDIR(now.st_mode))
    untouched = untouched && placed.st_size == now.st_size && placed.st_mtim.tv_sec == now.st_mtim.tv_sec &&
                placed.st_mtim.tv_nsec == now.st_mtim.tv_nsec;
  return untouched ? now : placed;
}

uid_t own_user() {
  static const uid_t user = ::geteuid();
  return user;
}

}  // namespace

struct stat write_file(const Spot& spot, Bytes& bytes, const Attributes& attributes, const Found* found) {
  const struct stat* old = found && found->file ? &found->status : nullptr;
  Final final = final_of(attributes, old, false);
  bool other_user = final.owner != kAsFound && final.owner != own_user();
  Draft draft(spot);
  // The owner-to-be must not read what the final mode forbids, so the bits are narrowed before it gets the file.
  mode_t narrow = other_user ? final.mode & 0600 : 0600;
  Fd fd = found ? draft.make_file(narrow) : draft.make_nameless_file(narrow);
  for (std::string_view piece = bytes.next(); !piece.empty(); piece = bytes.next())
    write_all(fd.get(), piece, spot.shown);
  if (old || other_user || final.group != kAsFound) change_owner(fd.get(), final, spot);
  bool has_capabilities = old && keep_attributes(found->file.get(), fd.get(), final.mode, spot.shown);
  change_mode(fd.get(), final, attributes, spot);
  if (has_capabilities) keep_capabilities(found->file.get(), fd.get(), spot.shown);
  // Closed before it has its name: the end of a write under that name is then always somebody else's.
  Fd written = draft.without_writing(std::move(fd));
  struct stat placed = settled(written.get(), final, attributes, spot);
  draft.place(found, false);
  return left_by_us(placed, status_of(written.get(), spot));
}

struct stat make_folder(const Spot& spot, const Attributes& attributes, const Found* found) {
  Draft draft(spot);
  Fd fd = draft.make_folder();
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) throw Error::system(errno, "creating " + spot.shown);
  Final final = final_of(attributes, nullptr, true);
  // A set-gid folder hands its group and this bit down, unless the mode is declared.
  if (!attributes.mode) final.mode |= status.st_mode & S_ISGID;
  if (final.owner != kAsFound || final.group != kAsFound) change_owner(fd.get(), final, spot);
  change_mode(fd.get(), final, attributes, spot);
  struct stat placed = settled(fd.get(), final, attributes, spot);
  draft.place(found, true);
  return left_by_us(placed, status_of(fd.get(), spot));
}

struct stat make_link(const Spot& spot, const std::string& target, const Attributes& attributes, const Found* found) {
  Draft draft(spot);
  draft.make_link(target);
  Final final = final_of(attributes, found && S_ISLNK(found->status.st_mode) ? &found->status : nullptr, false);
  Spot own = draft.own();
  if ((final.owner != kAsFound || final.group != kAsFound) &&
      ::fchownat(own.folder, own.name, final.owner, final.group, AT_SYMLINK_NOFOLLOW) != 0)
    throw Error::system(errno, "giving " + spot.shown + " to its owner");
  // Looked at by a descriptor: its name may be another link's as soon as it has it.
  Fd made(::openat(own.folder, own.name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made) throw Raced(spot.shown);
  struct stat placed = status_of(made.get(), spot);
  draft.place(found, false);
  return left_by_us(placed, status_of(made.get(), spot));
}

struct stat change_attributes(const Spot& spot, const Attributes& attributes, const Found& found) {
  // O_PATH needs no permission on the file, and opens no device.
  Fd fd(::openat(spot.folder, spot.name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat now{};
  if (!fd || ::fstat(fd.get(), &now) != 0 || now.st_ino != found.status.st_ino || now.st_dev != found.status.st_dev)
    throw Raced(spot.shown);
  std::string proc = fmt::format("/proc/self/fd/{}", fd.get());
  Final final = final_of(attributes, &now, S_ISDIR(now.st_mode));
  if (final.owner != now.st_uid || final.group != now.st_gid) {
    // The new owner must not read in between what the final mode forbids.
    mode_t narrow = now.st_mode & final.mode & 07777;
    if (!S_ISLNK(now.st_mode) && narrow != (now.st_mode & 07777) && ::chmod(proc.c_str(), narrow) != 0)
      throw Error::system(errno, "setting the mode of " + spot.shown);
    // Capabilities are the kernel's word that an administrator approved of this content; chown drops them.
    char capabilities[64];
    ssize_t size =
        S_ISREG(now.st_mode) ? ::getxattr(proc.c_str(), "security.capability", capabilities, sizeof capabilities) : -1;
    if (::fchownat(fd.get(), "", final.owner, final.group, AT_EMPTY_PATH) != 0)
      throw Error::system(errno, "giving " + spot.shown + " to its owner");
    if (size > 0 &&
        ::setxattr(proc.c_str(), "security.capability", capabilities, static_cast<std::size_t>(size), 0) != 0)
      throw Error::system(errno, "keeping the capabilities of " + spot.shown);
    if (::fstat(fd.get(), &now) != 0) throw Error::system(errno, "looking at " + spot.shown);
  }
  if (S_ISLNK(now.st_mode)) return now;
  if ((now.st_mode & 07777) != final.mode && ::chmod(proc.c_str(), final.mode) != 0)
    throw Error::system(errno, "setting the mode of " + spot.shown);
  return settled(fd.get(), final, attributes, spot);
}

std::optional<Found> look(const Spot& spot) {
  Found found{};
  if (::fstatat(spot.folder, spot.name, &found.status, AT_SYMLINK_NOFOLLOW) == 0) return found;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw Error::system(errno, "looking at " + spot.shown);
}

}  // namespace mgmt::file
