// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/keeping.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "src/base/error.h"
#include "src/base/text.h"
#include "src/state/left.h"
#include "src/value/hash.h"

namespace mgmt::cli {
namespace {

std::string sum_of(int file, const std::string& path) {
  Sha256 hash;
  std::array<char, 65536> buffer;
  for (off_t at = 0;;) {
    ssize_t got = ::pread(file, buffer.data(), buffer.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error::system(errno, "reading " + path);
    if (got == 0) return hash.hex();
    hash.add({buffer.data(), static_cast<std::size_t>(got)});
    at += got;
  }
}

// Where the open file is, through no symlink.
std::string real_path(const Keeper::Old& old) {
  std::array<char, PATH_MAX> buffer;
  ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", old.file).c_str(), buffer.data(), buffer.size());
  std::string_view path(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  // Gone meanwhile, out of sight of this mount namespace, or cut.
  if (!path.starts_with('/') || path.ends_with(" (deleted)") || path.size() == buffer.size()) return old.path;
  return std::string(path);
}

}  // namespace

Keeping::Keeping(Loop& loop, const Place& place, std::function<void(std::string)> warn)
    : loop_(loop), warn_(std::move(warn)), backup_(place.prefix), database_({.path = place.database()}, closing_) {}

void Keeping::keep(const Old& old) {
  bool large = old.status.st_size > backup_.limits().file;
  std::string sum = old.sha256;
  if (sum.empty() && !large) sum = sum_of(old.file, old.path);
  std::string path = real_path(old);
  // Somebody writes the same over and over: a fight is quick.
  if (backup_.has_last(path, sum) || is_own(old, sum)) return;
  if (large)
    return warn(fmt::format("what was in {} ({} MiB) is not kept: more than {} MiB", printable(old.path),
                            old.status.st_size >> 20, backup_.limits().file >> 20));
  try {
    backup_.keep(old.file, old.status, path, old.resource);
  } catch (const Error& error) {
    throw Error(error).while_doing(fmt::format("keeping what is in {} before it is overwritten", old.path));
  }
}

void Keeping::tell_unkept(const std::string& folder, std::size_t count) {
  warn(fmt::format("of the files in {}, which was removed, {} are not kept: too many", printable(folder), count));
}

bool Keeping::is_own(const Old& old, const std::string& sha256) {
  std::lock_guard lock(mutex_);
  try {
    bool own = false;
    database_.read([&](state::Rows& rows) {
      std::optional<state::Known> known = rows.find(old.resource);
      // Of a secret no sum is remembered.
      own = known &&
            (known->content.empty() ? !known->identity.empty() && known->identity == state::identity_of(old.status)
                                    : known->content == sha256);
    });
    return own;
  } catch (const Error&) {
    // What isn't known to be ours is kept.
    return false;
  }
}

void Keeping::warn(std::string text) {
  loop_.post([warn = warn_, text = std::move(text)] { warn(text); });
}

}  // namespace mgmt::cli
