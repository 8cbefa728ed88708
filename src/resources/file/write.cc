// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/write.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "src/base/error.h"
#include "src/base/path.h"
#include "src/resources/file/draft.h"
#include "src/resources/file/keep.h"
#include "src/resources/file/owner.h"

namespace mgmt::file {
namespace {

constexpr mode_t kSetId = S_ISUID | S_ISGID;

// What a thing is to have in the end.
struct Final {
  mode_t mode;
  uid_t owner;
  gid_t group;
};

// `old` is what is changed or replaced in the same type, null for what is new.
Final final_of(const Attributes& attributes, const struct stat* old, bool is_folder, Content content) {
  Final final{attributes.fallback, attributes.owner, attributes.group};
  if (old) {
    final.mode = old->st_mode & 07777;
    if (final.owner == kAsFound) final.owner = old->st_uid;
    if (final.group == kAsFound) final.group = old->st_gid;
    // As write(2) and chown(2): a power that was given to one program isn't another's, and not its next owner's.
    bool other = content == Content::Changes || final.owner != old->st_uid || final.group != old->st_gid;
    if (!is_folder && other) final.mode &= ~kSetId;
  }
  if (attributes.mode) final.mode = attributes.mode->of(final.mode, is_folder);
  return final;
}

std::string giving(const Spot& spot, const Final& final) {
  bool user = final.owner != kAsFound, group = final.group != kAsFound;
  return fmt::format("giving {} to{}{}{}", spot.shown, user ? " user " + user_name(final.owner) : "",
                     user && group ? "," : "", group ? " group " + group_name(final.group) : "");
}

void change_owner(int fd, const Final& final, const Spot& spot) {
  if (::fchown(fd, final.owner, final.group) == 0) return;
  Error error = Error::system(errno, giving(spot, final));
  if (error.code() == EPERM && ::geteuid() != 0)
    throw std::move(error).hint("only root can give a file to somebody else");
  throw error;
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

// `exact`: its mode is declared, or to be kept.
struct stat settled(int fd, const Final& final, bool exact, const Spot& spot) {
  struct stat status = status_of(fd, spot);
  if (exact && (status.st_mode & 07777) != final.mode)
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

mode_t mode_after(const Attributes& attributes, const struct stat& old, Content content) {
  return final_of(attributes, &old, S_ISDIR(old.st_mode), content).mode;
}

namespace {

// Throws Error if `approve` does, or whatever it called has been at the draft.
void ask_before(const Draft& draft, const struct stat& placed, const Approve& approve) {
  approve(absolute_path(draft.own()));
  std::optional<Found> now = look(draft.own());
  if (!now || !same_version(now->status, placed))
    throw Error(draft.spot().shown + " stays as it is: the command that was to look at the new one has changed it");
}

enum class Named { Yes, No };

// The draft's file with all but its place. `from` is open if there are attributes to be kept.
Fd fill(Draft& draft, Bytes& bytes, const Attributes& attributes, const Final& final, const Found* found, Named named) {
  const Spot& spot = draft.spot();
  bool keeps = found && found->file;
  bool other_user = final.owner != kAsFound && final.owner != own_user();
  // The owner-to-be must not read what the final mode forbids, so the bits are narrowed before it gets the file.
  mode_t narrow = other_user ? final.mode & 0600 : 0600;
  Fd fd = named == Named::Yes ? draft.make_file(narrow) : draft.make_nameless_file(narrow);
  for (std::string_view piece = bytes.next(); !piece.empty(); piece = bytes.next())
    write_all(fd.get(), piece, spot.shown);
  if (keeps || other_user || final.group != kAsFound) change_owner(fd.get(), final, spot);
  if (keeps) keep_attributes(found->file.get(), fd.get(), final.mode, spot.shown);
  change_mode(fd.get(), final, attributes, spot);
  return fd;
}

}  // namespace

struct stat write_new_file(const Spot& spot, Bytes& bytes, const Attributes& attributes, const Approve& approve) {
  Final final = final_of(attributes, nullptr, false, Content::Changes);
  Draft draft(spot);
  Fd fd = fill(draft, bytes, attributes, final, nullptr, approve ? Named::Yes : Named::No);
  // Closed before it has its name: the end of a write under that name is then always somebody else's.
  Fd written = draft.without_writing(std::move(fd));
  struct stat placed = settled(written.get(), final, attributes.mode != nullptr, spot);
  if (approve) ask_before(draft, placed, approve);
  draft.place(nullptr, false);
  return left_by_us(placed, status_of(written.get(), spot));
}

Replacement::Replacement(const Spot& spot, Bytes& bytes, const Attributes& attributes, Found found)
    : draft_(std::make_unique<Draft>(spot)), found_(std::move(found)) {
  const struct stat* old = found_.file ? &found_.status : nullptr;
  Final final = final_of(attributes, old, false, Content::Changes);
  file_ = fill(*draft_, bytes, attributes, final, &found_, Named::Yes);
  found_.kept = old != nullptr;
  mode_ = attributes.mode || old ? std::optional(final.mode) : std::nullopt;
}

Replacement::~Replacement() = default;

const std::string& Replacement::place_name() const { return draft_->spot().shown; }
std::string Replacement::draft_path() const {
  return join_path(parent_path(place_name()), base_name(draft_->own().name));
}

void Replacement::sync() {
  // Some special file systems have nothing to sync.
  if (::fsync(file_.get()) != 0 && errno != EINVAL && errno != ENOTSUP)
    throw Error::system(errno, "syncing the new " + place_name());
}

void Replacement::write_out() {
  constexpr unsigned kAll = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (::sync_file_range(file_.get(), 0, 0, kAll) != 0) throw Error::system(errno, "writing the new " + place_name());
}

void Replacement::close() {
  if (closed_) return;
  file_ = draft_->without_writing(std::move(file_));
  Final final{.mode = mode_.value_or(0), .owner = 0, .group = 0};
  placed_ = settled(file_.get(), final, mode_.has_value(), draft_->spot());
  found_.file.reset();
  closed_ = true;
}

void Replacement::ask(const Approve& approve) {
  close();
  ask_before(*draft_, placed_, approve);
}

void Replacement::wait() {
  close();
  file_.reset();
}

struct stat Replacement::place() {
  close();
  if (!file_) {
    Spot own = draft_->own();
    file_ = Fd(::openat(own.folder, own.name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file_) throw Raced(place_name());
    struct stat now = status_of(file_.get(), own);
    if (now.st_ino != placed_.st_ino || now.st_dev != placed_.st_dev) throw Raced(place_name());
  }
  draft_->place(&found_, false);
  return left_by_us(placed_, status_of(file_.get(), draft_->spot()));
}

struct stat make_folder(const Spot& spot, const Attributes& attributes, const Found* found) {
  Draft draft(spot);
  Fd fd = draft.make_folder();
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) throw Error::system(errno, "creating " + spot.shown);
  Final final = final_of(attributes, nullptr, true, Content::Stays);
  // A set-gid folder hands its group and this bit down, unless the mode is declared.
  if (!attributes.mode) final.mode |= status.st_mode & S_ISGID;
  if (final.owner != kAsFound || final.group != kAsFound) change_owner(fd.get(), final, spot);
  change_mode(fd.get(), final, attributes, spot);
  struct stat placed = settled(fd.get(), final, attributes.mode != nullptr, spot);
  draft.place(found, true);
  return left_by_us(placed, status_of(fd.get(), spot));
}

struct stat make_link(const Spot& spot, const std::string& target, const Attributes& attributes, const Found* found) {
  Draft draft(spot);
  draft.make_link(target);
  Final final =
      final_of(attributes, found && S_ISLNK(found->status.st_mode) ? &found->status : nullptr, false, Content::Stays);
  Spot own = draft.own();
  if ((final.owner != kAsFound || final.group != kAsFound) &&
      ::fchownat(own.folder, own.name, final.owner, final.group, AT_SYMLINK_NOFOLLOW) != 0)
    throw Error::system(errno, giving(spot, final));
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
  Final final = final_of(attributes, &now, S_ISDIR(now.st_mode), Content::Stays);
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
      throw Error::system(errno, giving(spot, final));
    if (size > 0 &&
        ::setxattr(proc.c_str(), "security.capability", capabilities, static_cast<std::size_t>(size), 0) != 0)
      throw Error::system(errno, "keeping the capabilities of " + spot.shown);
    if (::fstat(fd.get(), &now) != 0) throw Error::system(errno, "looking at " + spot.shown);
  }
  if (S_ISLNK(now.st_mode)) return now;
  if ((now.st_mode & 07777) != final.mode && ::chmod(proc.c_str(), final.mode) != 0)
    throw Error::system(errno, "setting the mode of " + spot.shown);
  return settled(fd.get(), final, attributes.mode != nullptr, spot);
}

std::optional<Found> look(const Spot& spot) {
  Found found{};
  if (::fstatat(spot.folder, spot.name, &found.status, AT_SYMLINK_NOFOLLOW) == 0) return found;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw Error::system(errno, "looking at " + spot.shown);
}

}  // namespace mgmt::file
