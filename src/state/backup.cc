// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <unordered_set>

#include "src/base/error.h"
#include "src/base/folder.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/value/hash.h"
#include "src/value/json.h"

namespace mgmt::state {
namespace {

constexpr std::size_t kSynced = 64;
constexpr std::size_t kPruneEvery = 256;
constexpr std::int64_t kPruneBytes = std::int64_t{16} << 20;
// What a content takes at least, and its line.
constexpr std::int64_t kBlock = 4096;

// Held by who changes the folder.
class Lock {
 public:
  explicit Lock(const std::string& folder)
      : file_(::open(join_path(folder, "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (!file_) throw Error::system(errno, "opening " + join_path(folder, "lock"));
    while (::flock(file_.get(), LOCK_EX) != 0)
      if (errno != EINTR) throw Error::system(errno, "locking " + join_path(folder, "lock"));
  }

 private:
  Fd file_;
};

std::string line_of(const Kept& kept) {
  return fmt::format(
      R"({{"time":{},"path":{},"sha256":"{}","size":{},"mode":"{:04o}","owner":{},"group":{},"resource":{}}})",
      kept.time.time_since_epoch().count(), to_json(Value(kept.path)), kept.sha256, kept.size, kept.mode, kept.owner,
      kept.group, json_quote(kept.resource));
}

std::optional<Kept> kept_of(std::string_view line) {
  Result<Value> value = value_from_json(line);
  const Map* map = value ? value->get_if<Map>() : nullptr;
  if (!map) return std::nullopt;
  Kept kept;
  for (const auto& [key, item] : *map) {
    const auto* number = item.get_if<std::int64_t>();
    const auto* text = item.get_if<std::string>();
    if (key == "time" && number) kept.time = Time(std::chrono::microseconds(*number));
    if (key == "path" && text) kept.path = *text;
    if (key == "sha256" && text) kept.sha256 = *text;
    if (key == "size" && number) kept.size = *number;
    if (key == "mode" && text) kept.mode = static_cast<mode_t>(std::strtoul(text->c_str(), nullptr, 8));
    if (key == "owner" && number) kept.owner = static_cast<uid_t>(*number);
    if (key == "group" && number) kept.group = static_cast<gid_t>(*number);
    if (key == "resource" && text) kept.resource = *text;
  }
  // A line that was cut by a power loss, or is of another make.
  bool whole = kept.path.starts_with('/') && kept.sha256.size() == 64 &&
               kept.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  return whole ? std::optional(std::move(kept)) : std::nullopt;
}

std::vector<Kept> read_index(const std::string& path) {
  std::vector<Kept> all;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return all;
  std::string text = read_file(path);
  for (std::string_view line : split_lines(text))
    if (std::optional<Kept> kept = kept_of(line)) all.push_back(std::move(*kept));
  return all;
}

std::int64_t room_of(std::int64_t size) { return (size + 2 * kBlock - 1) / kBlock * kBlock; }

// The lines that stay of `all`, in their order.
std::vector<Kept> within(std::vector<Kept> all, const Backup::Limits& limits, Time now) {
  std::map<std::string_view, std::size_t> of_path;
  std::vector<bool> goes(all.size());
  for (std::size_t i = all.size(); i-- > 0;) {
    std::size_t newer = of_path[all[i].path]++;
    goes[i] = newer + 1 >= limits.a_path || now - all[i].time > limits.age;
  }
  // What was there before mgmt came is worth more than what came later.
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (now - all[i].time <= limits.age && seen.insert(all[i].path).second) goes[i] = false;
  std::unordered_map<std::string_view, std::size_t> uses;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!goes[i] && uses[all[i].sha256]++ == 0) bytes += room_of(all[i].size);
  for (std::size_t i = 0; i < all.size() && bytes > limits.bytes; ++i) {
    if (goes[i]) continue;
    goes[i] = true;
    if (--uses[all[i].sha256] == 0) bytes -= room_of(all[i].size);
  }
  std::vector<Kept> stay;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!goes[i]) stay.push_back(std::move(all[i]));
  return stay;
}

void sync_path(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) throw Error::system(errno, "syncing " + path);
}

}  // namespace

Backup::Backup(const std::string& prefix, Limits limits)
    : folder_(join_path(clean_path(prefix), "backup")), limits_(limits) {}

std::string Backup::file_of(const std::string& sha256) const { return join_path(folder_, sha256); }

// Copies the content to where it is found by its sum.
std::string Backup::store(int file, const std::string& path, std::string& sha256, std::int64_t& size, bool& is_new) {
  std::string draft = join_path(folder_, "draft-XXXXXX");
  Fd copy(::mkostemp(draft.data(), O_CLOEXEC));
  if (!copy) throw Error::system(errno, "making a file in " + folder_);
  try {
    Sha256 hash;
    std::vector<char> buffer(std::size_t{128} << 10);
    for (size = 0;;) {
      ssize_t got = ::pread(file, buffer.data(), buffer.size(), size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error::system(errno, "reading " + path);
      if (got == 0) break;
      std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
      hash.add(piece);
      write_all(copy.get(), piece, draft);
      size += got;
    }
    sha256 = hash.hex();
    std::string place = file_of(sha256);
    is_new = ::access(place.c_str(), F_OK) != 0;
    if (!is_new) ::unlink(draft.c_str());
    else if (::rename(draft.c_str(), place.c_str()) != 0) throw Error::system(errno, "keeping it as " + place);
    return place;
  } catch (...) {
    ::unlink(draft.c_str());
    throw;
  }
}

void Backup::append(const Kept& kept, bool sync) {
  std::string path = join_path(folder_, "index");
  Fd index(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!index) throw Error::system(errno, "opening " + path);
  // A line that a crash has cut doesn't take this one along.
  write_all(index.get(), "\n" + line_of(kept) + "\n", path);
  if (sync && ::fsync(index.get()) != 0) throw Error::system(errno, "syncing " + path);
}

// The draft of a copy is under its name for milliseconds: an old one is of a process that died.
void Backup::prune() {
  std::string path = join_path(folder_, "index");
  std::vector<Kept> all = read_index(path), stay = within(all, limits_, now());
  if (stay.size() != all.size()) {
    std::string text;
    for (const Kept& kept : stay) text += line_of(kept) + "\n";
    replace_file(path, text, 0600);
  }
  std::unordered_set<std::string> used{"index", "lock"};
  for (const Kept& kept : stay) used.insert(kept.sha256);
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, failure)) {
    std::string name = entry.path().filename().string();
    if (used.contains(name)) continue;
    struct stat status{};
    bool is_fresh = ::lstat(entry.path().c_str(), &status) != 0 || ::time(nullptr) - status.st_ctim.tv_sec < 3600;
    if (!is_fresh || name.size() == 64) ::unlink(entry.path().c_str());
  }
}

void Backup::keep(int file, const struct stat& status, const std::string& path, const std::string& resource) {
  ensure_private_folder(folder_);
  Kept kept{.time = now(),
            .path = path,
            .mode = status.st_mode & 07777,
            .owner = status.st_uid,
            .group = status.st_gid,
            .resource = resource};
  std::lock_guard guard(mutex_);
  Lock lock(folder_);
  bool is_new = false;
  std::string place = store(file, path, kept.sha256, kept.size, is_new);
  std::string& last = last_[path];
  if (last == kept.sha256 && !is_new) return;
  bool sync = count_++ < kSynced;
  if (sync && is_new) sync_path(place);
  append(kept, sync);
  if (sync) sync_path(folder_);
  last = kept.sha256;
  bytes_since_prune_ += kept.size;
  if (since_prune_++ >= kPruneEvery || bytes_since_prune_ >= kPruneBytes) {
    since_prune_ = 0;
    bytes_since_prune_ = 0;
    prune();
    if (last_.size() > 10'000) last_.clear();
  }
}

bool Backup::has_last(const std::string& path, const std::string& sha256) {
  {
    std::lock_guard guard(mutex_);
    auto last = last_.find(path);
    // "": one that could not be kept, or whose sum isn't known.
    if (last == last_.end() || last->second != sha256 || sha256.empty()) return false;
  }
  return ::access(file_of(sha256).c_str(), F_OK) == 0;
}

std::vector<Kept> Backup::list() const { return read_index(join_path(folder_, "index")); }

Fd Backup::open(const Kept& kept) const {
  Fd file(::open(file_of(kept.sha256).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) throw Error::system(errno, "reading what was kept of " + kept.path);
  return file;
}

}  // namespace mgmt::state
