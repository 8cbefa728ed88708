// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/undo.h"

#include <fmt/format.h>

#include <utility>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/file/bytes.h"
#include "src/resources/file/describe.h"
#include "src/resources/file/owner.h"
#include "src/resources/file/params.h"
#include "src/resources/file/write.h"

namespace mgmt::file {
namespace {

constexpr std::size_t kMost = std::size_t{512} << 10;

std::string content_of(const Spot& spot, const struct stat& status) {
  if (static_cast<std::size_t>(status.st_size) > kMost)
    throw Error(
        fmt::format("{} has {} bytes: to undo the change, at most {} are kept", spot.shown, status.st_size, kMost))
        .hint("leave out `meta: reverse`");
  return read_rest(open_file(spot).get(), kMost, spot.shown);
}

}  // namespace

std::optional<Error> cannot_undo(const Declaration& declaration) {
  Want want = want_of(declaration);
  if (want.follow) return Error("what a symlink leads to isn't kept").hint("leave `reverse` out");
  if (want.has_tree()) return Error("what a `source` tree or `purge` changes isn't kept").hint("leave `reverse` out");
  if (want.type == Want::Type::Folder && want.absent)
    return Error("what the folder holds isn't kept").hint("leave `reverse` out");
  return std::nullopt;
}

Declaration undo_of(const Declaration& declaration, const Spot& spot) {
  Want want = want_of(declaration);
  const std::string& path = spot.shown;
  std::optional<Found> found = look(spot);
  Declaration undo;
  undo.kind = declaration.kind;
  undo.name = declaration.name;
  auto set = [&](ParamIndex index, Value value) { undo.params.set(index, std::move(value), {}); };
  bool folder = found ? S_ISDIR(found->status.st_mode) : want.type == Want::Type::Folder;
  set(kPath, Value(folder ? join_path(path, "") : path));
  if (!found) {
    set(kState, Value("absent"));
    return undo;
  }
  bool stays = !want.absent && folder == (want.type == Want::Type::Folder);
  if (folder && !stays)
    throw Error(fmt::format("{} is a folder, and what it holds isn't kept: that couldn't be undone", path))
        .hint("leave out `meta: reverse`");
  set(kForce, Value(!stays || want.force));
  if (S_ISLNK(found->status.st_mode)) {
    set(kSymlink, Value(true));
    set(kSource, Value(read_link(spot)));
  } else if (S_ISREG(found->status.st_mode)) {
    set(kState, Value("exists"));
    if (want.in_place) set(kWrite, Value("inplace"));
    if (want.absent || want.has_content() || want.type == Want::Type::Link)
      set(kContent, Value(content_of(spot, found->status)));
  } else if (folder) {
    set(kState, Value("exists"));
  } else {
    throw Error(fmt::format("{} is {}: that couldn't be brought back", path, describe_type(found->status.st_mode)))
        .hint("leave out `meta: reverse`");
  }
  // Of what stays, what isn't declared isn't changed; what is made anew is to be all as it was.
  bool anew = want.absent || want.force;
  if (anew || want.owner) set(kOwner, Value(user_name(found->status.st_uid)));
  if (anew || want.group) set(kGroup, Value(group_name(found->status.st_gid)));
  if (!S_ISLNK(found->status.st_mode) && (anew || want.mode)) set(kMode, Value(octal(found->status.st_mode & 07777)));
  return undo;
}

}  // namespace mgmt::file
