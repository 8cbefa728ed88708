// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/inplace.h"

#include <unistd.h>

#include <cerrno>

#include "src/base/error.h"

namespace mgmt::file {

struct stat write_in_place(const Spot& spot, Bytes& bytes, const Attributes& attributes, const Found& found) {
  Fd file(::openat(spot.folder, spot.name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == ELOOP || errno == ENXIO)) throw Raced(spot.shown);
  if (!file) throw Error::system(errno, "writing into " + spot.shown);
  struct stat now{};
  if (::fstat(file.get(), &now) != 0) throw Error::system(errno, "looking at " + spot.shown);
  if (!same_version(now, found.status)) throw Raced(spot.shown);
  // A full disk is met here, while the old content is whole.
  if (bytes.size() > now.st_size && ::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, bytes.size()) != 0 &&
      errno != EOPNOTSUPP)
    throw Error::system(errno, "making room in " + spot.shown);
  for (std::string_view piece = bytes.next(); !piece.empty(); piece = bytes.next())
    write_all(file.get(), piece, spot.shown);
  if (::ftruncate(file.get(), bytes.size()) != 0) throw Error::system(errno, "writing into " + spot.shown);
  // As where a new file comes: a power that was given to one content isn't another's, unless it is declared.
  if (mode_t plain = now.st_mode & 07777 & ~(S_ISUID | S_ISGID); !attributes.mode && plain != (now.st_mode & 07777))
    if (::fchmod(file.get(), plain) != 0) throw Error::system(errno, "setting the mode of " + spot.shown);
  if (::fsync(file.get()) != 0 && errno != EINVAL) throw Error::system(errno, "syncing " + spot.shown);
  file.reset();
  return change_attributes(spot, attributes, found);
}

}  // namespace mgmt::file
