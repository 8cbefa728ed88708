// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/reap.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string_view>
#include <unordered_set>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"
#include "src/state/database.h"
#include "src/state/left.h"
#include "src/value/hash.h"
#include "src/value/json.h"
#include "src/world/local/name_lock.h"

namespace mgmt::cli {

namespace {

using state::Known;

/// What became of one, or would.
struct Outcome {
  enum class Is { Removed, Gone, Left } is = Is::Left;
  std::string why = {};  // of Left
};

Outcome left(std::string why) { return {Outcome::Is::Left, std::move(why)}; }
Outcome left_by(int error, std::string_view doing) { return left(Error::system(error, std::string(doing)).text()); }

std::string hash_of(int folder, const std::string& name) {
  Fd file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return "";
  Sha256 hash;
  std::array<char, 65536> buffer;
  for (ssize_t got = 0; (got = ::read(file.get(), buffer.data(), buffer.size())) != 0;) {
    if (got < 0) return "";
    hash.add({buffer.data(), static_cast<std::size_t>(got)});
  }
  return hash.hex();
}

// A folder that can't be read may hold anything.
bool would_be_empty(int parent, const std::string& path, const std::unordered_set<std::string>& gone) {
  std::string name = base_name(path);
  Fd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  std::unique_ptr<DIR, int (*)(DIR*)> entries(folder ? ::fdopendir(folder.get()) : nullptr, ::closedir);
  if (!entries) return false;
  folder.release();
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string_view one = entry->d_name;
    if (one != "." && one != ".." && !gone.contains(join_path(path, one))) return false;
  }
  return true;
}

// All is asked of the folder's descriptor: what is looked at and what is removed is an entry of one and the same
// folder, whatever becomes of the path meanwhile. An entry that is swapped between the last look and the removal was
// put there by somebody who may write to this folder, and only this entry of his goes.
// `gone` is what would have been removed before, where nothing really is.
Outcome remove(const Known& known, bool really, const std::unordered_set<std::string>& gone = {}) {
  if (known.path.empty() || known.path == "/") return left("mgmt can't tell what to remove");
  std::string parent = parent_path(known.path), name = base_name(known.path);
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  Fd folder(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, parent.c_str(), &how, sizeof how)));
  if (!folder && errno == ENOENT) return {Outcome::Is::Gone};
  if (!folder && errno == ELOOP) return left("a symlink leads to it");
  if (!folder) return left_by(errno, "opening " + parent);

  struct statx extended{};
  if (::statx(folder.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &extended) != 0)
    return errno == ENOENT ? Outcome{Outcome::Is::Gone} : left_by(errno, "looking at it");
  if ((extended.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return left("something is mounted there");
  struct stat status{};
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return left_by(errno, "looking at it");
  bool same = !known.identity.empty() && state::identity_of(status) == known.identity;
  if (!same && S_ISREG(status.st_mode) && !known.content.empty()) same = hash_of(folder.get(), name) == known.content;
  if (!same) return left("somebody has changed it since");
  if (!really) {
    bool stays = S_ISDIR(status.st_mode) && !would_be_empty(folder.get(), known.path, gone);
    return stays ? left("the folder isn't empty") : Outcome{Outcome::Is::Removed};
  }
  if (::unlinkat(folder.get(), name.c_str(), S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) == 0)
    return {Outcome::Is::Removed};
  if (errno == ENOTEMPTY || errno == EEXIST) return left("the folder isn't empty");
  return errno == ENOENT ? Outcome{Outcome::Is::Gone} : left_by(errno, "removing it");
}

void tell(const Known& known, const Outcome& outcome, const ReapCommand& command) {
  std::string_view word = outcome.is == Outcome::Is::Gone   ? "gone"
                          : outcome.is == Outcome::Is::Left ? "left"
                          : command.yes                     ? "removed"
                                                            : "would be removed";
  if (command.json)
    fmt::print("{{\"resource\": {}, \"path\": {}, \"outcome\": \"{}\", \"why\": {}}}\n", json_quote(known.id),
               json_quote(known.path), word, json_quote(outcome.why));
  else
    fmt::print("{} {} ({}){}\n", word, printable(known.path), printable(known.id),
               outcome.why.empty() ? "" : ": " + printable(outcome.why));
}

world::local::NameLock claim(const Place& place) {
  auto claimed = world::local::NameLock::claim(place.prefix, place.hostname);
  if (!claimed) throw Error(claimed.error());
  if (const auto* holder = std::get_if<world::Holder>(&*claimed))
    throw Error(fmt::format("the agent `{}` is running (pid {}): it may be about to need what would be removed",
                            place.hostname, holder->pid))
        .hint("stop it first");
  return std::move(std::get<world::local::NameLock>(*claimed));
}

}  // namespace

int reap(const ReapCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  std::vector<Known> orphans;
  auto take = [&](state::Rows& rows) { orphans = rows.orphans(); };
  if (!command.yes) {
    state::read_database(place.database(), take);
  } else if (::access(place.database().c_str(), F_OK) == 0) {
    // From here on no agent starts.
    world::local::NameLock lock = claim(place);
    std::atomic<bool> closing = false;
    state::Database database(
        {.path = place.database(), .warn = [](const std::string& text) { fmt::print(stderr, "mgmt: {}\n", text); }},
        closing);
    database.read(take);
    std::ranges::sort(orphans, std::greater(), &Known::path);  // what is in a folder before the folder
    bool all = true;
    for (const Known& known : orphans) {
      Outcome outcome = remove(known, true);
      if (outcome.is == Outcome::Is::Left) all = false;
      else
        database.write(
            [&](state::Rows& rows) {
              rows.forget(known.id);
              if (outcome.is == Outcome::Is::Removed)
                rows.record({.time = state::now(), .resource = known.id, .what = state::Entry::What::Removal});
            },
            state::Database::When::Soon);
      tell(known, outcome, command);
    }
    if (orphans.empty() && !command.json) fmt::print("nothing that mgmt made has left its graph\n");
    return all ? kOk : kResourceFailed;
  }
  std::ranges::sort(orphans, std::greater(), &Known::path);
  std::unordered_set<std::string> gone;
  for (const Known& known : orphans) {
    Outcome outcome = remove(known, false, gone);
    if (outcome.is == Outcome::Is::Removed) gone.insert(known.path);
    tell(known, outcome, command);
  }
  if (orphans.empty() && !command.json) fmt::print("nothing that mgmt made has left its graph\n");
  else if (!command.yes && !command.json) fmt::print("`mgmt reap --yes` removes it; a folder only when it is empty\n");
  return kOk;
}

}  // namespace mgmt::cli
