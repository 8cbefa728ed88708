// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/drafts.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"

namespace mgmt::drafts {
namespace {

constexpr std::string_view kPrefix = ".mgmt-";
constexpr std::size_t kIdSize = 16;

bool is_id(std::string_view text) {
  return text.size() == kIdSize && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

const std::string& own_id() {
  static const std::string id = [] {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) throw Error("the system has no random numbers");
    return fmt::format("{:016x}", number);
  }();
  return id;
}

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

struct Records {
  std::mutex mutex;  // guards the rest
  std::string path;  // of our own record; empty: none is kept
  Fd file;
  std::unordered_set<std::string, TextHash, std::equal_to<>> folders;
  bool left_behind = false;
  std::vector<DeadRun> dead;
};

Records& records() {
  static Records all;
  return all;
}

std::atomic<bool> has_dead = false;

// A record is the folders that its run wrote in, each with a zero byte at its end. One that was cut short, or is
// damaged, names fewer.
std::vector<std::string> folders_of(const std::string& record) {
  std::vector<std::string> folders;
  std::string text;
  try {
    text = read_file(record);
  } catch (const Error&) {
    return folders;
  }
  for (std::size_t begin = 0, end; (end = text.find('\0', begin)) != std::string::npos; begin = end + 1)
    if (text[begin] == '/') folders.push_back(text.substr(begin, end - begin));
  return folders;
}

// Its name is made before any draft has one, so that no kill falls between.
void record(Records& all, std::string_view folder) {
  if (all.path.empty() || all.folders.contains(folder)) return;
  if (!all.file) all.file = Fd(::open(all.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!all.file) return;
  std::string line(folder);
  line += '\0';
  if (::write(all.file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()))
    all.folders.emplace(folder);
}

}  // namespace

void belong_to(std::string folder, std::string agent) {
  Records& all = records();
  std::lock_guard lock(all.mutex);
  std::string start = std::move(agent) + ".run-";
  all.path = join_path(folder, start + own_id());
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), &::closedir);
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(start) || !is_id(name.substr(start.size())) || name.ends_with(own_id())) continue;
    std::string path = join_path(folder, name);
    all.dead.push_back({.record = path,
                        .names = fmt::format("{}{}-", kPrefix, name.substr(start.size())),
                        .folders = folders_of(path)});
  }
  has_dead = !all.dead.empty();
}

void forget() {
  Records& all = records();
  std::lock_guard lock(all.mutex);
  if (!all.left_behind && all.file) ::unlink(all.path.c_str());
  all.file.reset();
  all.folders.clear();
  all.path.clear();
}

void left_behind() {
  std::lock_guard lock(records().mutex);
  records().left_behind = true;
}

void append_name(std::string& to, std::string_view folder) {
  static std::atomic<std::uint64_t> number = 0;
  {
    Records& all = records();
    std::lock_guard lock(all.mutex);
    record(all, folder);
  }
  fmt::format_to(std::back_inserter(to), "{}{}-{}~", kPrefix, own_id(), number.fetch_add(1, std::memory_order_relaxed));
}

bool is_name(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with('~')) return false;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(1);
  if (name.size() < kIdSize + 2 || !is_id(name.substr(0, kIdSize)) || name[kIdSize] != '-') return false;
  return name.find_first_not_of("0123456789", kIdSize + 1) == std::string_view::npos;
}

std::vector<DeadRun> take_dead_runs() {
  // Asked by every check: only read as long as there are none.
  if (!has_dead.load(std::memory_order_relaxed) || !has_dead.exchange(false)) return {};
  std::lock_guard lock(records().mutex);
  return std::exchange(records().dead, {});
}

}  // namespace mgmt::drafts
