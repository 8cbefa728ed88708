// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/keeping.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

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
  std::error_code failure;
  std::filesystem::path path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", old.file), failure);
  // Gone meanwhile, or out of sight of this mount namespace.
  if (failure || !path.is_absolute() || path.string().ends_with(" (deleted)")) return old.path;
  return path.string();
}

}  // namespace

Keeping::Keeping(Loop& loop, const Place& place, std::function<void(std::string)> warn)
    : loop_(loop), warn_(std::move(warn)), backup_(place.prefix), database_({.path = place.database()}, closing_) {}

void Keeping::keep(const Old& old) {
  bool large = old.status.st_size > backup_.limits().file;
  std::string sum = old.sha256;
  if (sum.empty() && !large) sum = sum_of(old.file, old.path);
  if (is_own(old, sum)) return;
  if (large)
    return warn(fmt::format("what was in {} ({} MiB) is not kept: more than {} MiB", printable(old.path),
                            old.status.st_size >> 20, backup_.limits().file >> 20));
  try {
    backup_.keep(old.file, old.status, real_path(old), old.resource);
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
