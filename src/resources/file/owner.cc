// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/owner.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/async/ask.h"
#include "src/base/error.h"
#include "src/base/text.h"

namespace mgmt::file {
namespace {

using Clock = std::chrono::steady_clock;

// Goes up with each forget_names().
std::atomic<std::uint64_t> database{0};

// Asks `look_up` at most once a second for each key, and doesn't wait for ever.
template <class Key, class Answer>
class Remembered {
 public:
  template <class LookUp>
  Answer get(const Key& key, const std::string& what, LookUp look_up) {
    Clock::time_point now = Clock::now();
    std::uint64_t asked_of = database;
    {
      std::lock_guard lock(mutex_);
      if (auto at = answers_.find(key);
          at != answers_.end() && now < at->second.until && at->second.database == asked_of)
        return at->second.answer;
    }
    // Without the mutex: a slow name service holds up only who asks it.
    Answer answer = ask<Answer>(what, std::move(look_up));
    std::lock_guard lock(mutex_);
    if (answers_.size() >= kMost) answers_.clear();
    answers_.insert_or_assign(key, Entry{answer, now + std::chrono::seconds(1), asked_of});
    return answer;
  }

 private:
  static constexpr std::size_t kMost = 1000;
  struct Entry {
    Answer answer;
    Clock::time_point until;
    std::uint64_t database;
  };
  std::mutex mutex_;
  std::map<Key, Entry> answers_;
};

// Calls one of the get..._r functions with a buffer that is large enough.
template <class Record, class Call>
bool found(Record& record, std::vector<char>& buffer, const std::string& what, Call call) {
  buffer.resize(1024);
  while (true) {
    Record* result = nullptr;
    int failure = call(&record, buffer.data(), buffer.size(), &result);
    if (failure == ERANGE && buffer.size() < (1U << 20)) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (failure == EINTR) continue;
    if (result) return true;
    // Some name services say "not found" by one of these; see getpwnam(3).
    if (failure == 0 || failure == ENOENT || failure == ESRCH || failure == EBADF || failure == EPERM) return false;
    throw Error::system(failure, "looking up " + what);
  }
}

std::optional<unsigned> number(const std::string& text) {
  unsigned value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  // The largest one means "leave it" to chown.
  if (text.empty() || failure != std::errc() || end != text.data() + text.size() || value == ~0U) return std::nullopt;
  return value;
}

}  // namespace

void forget_names() { ++database; }

uid_t user_id(const std::string& name) {
  if (auto id = number(name)) return *id;
  static Remembered<std::string, uid_t> remembered;
  std::string what = fmt::format("looking up the user `{}`", printable(name));
  return remembered.get(name, what, [name] {
    passwd record{};
    std::vector<char> buffer;
    if (!found(record, buffer, "the user " + name, [&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); }))
      throw Error(fmt::format("there is no user `{}` on this host", printable(name)));
    return record.pw_uid;
  });
}

gid_t group_id(const std::string& name) {
  if (auto id = number(name)) return *id;
  static Remembered<std::string, gid_t> remembered;
  std::string what = fmt::format("looking up the group `{}`", printable(name));
  return remembered.get(name, what, [name] {
    struct group record{};
    std::vector<char> buffer;
    if (!found(record, buffer, "the group " + name, [&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); }))
      throw Error(fmt::format("there is no group `{}` on this host", printable(name)));
    return record.gr_gid;
  });
}

// A number that nobody gives a name to is shown as it is, if nobody answers too.
std::string user_name(uid_t id) try {
  static Remembered<uid_t, std::string> remembered;
  std::string what = fmt::format("looking up user {}", id);
  return remembered.get(id, what, [id] {
    passwd record{};
    std::vector<char> buffer;
    bool known =
        found(record, buffer, fmt::format("user {}", id), [&](auto... rest) { return ::getpwuid_r(id, rest...); });
    return known ? std::string(record.pw_name) : std::to_string(id);
  });
} catch (const Error&) {
  return std::to_string(id);
}

std::string group_name(gid_t id) try {
  static Remembered<gid_t, std::string> remembered;
  std::string what = fmt::format("looking up group {}", id);
  return remembered.get(id, what, [id] {
    struct group record{};
    std::vector<char> buffer;
    bool known =
        found(record, buffer, fmt::format("group {}", id), [&](auto... rest) { return ::getgrgid_r(id, rest...); });
    return known ? std::string(record.gr_name) : std::to_string(id);
  });
} catch (const Error&) {
  return std::to_string(id);
}

bool is_own_user(const std::string& name) {
  return name == std::to_string(::geteuid()) || name == user_name(::geteuid());
}

bool is_own_group(const std::string& name) {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  int got = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(got, 0)));
  groups.push_back(::getegid());
  return std::ranges::any_of(groups, [&](gid_t id) { return name == std::to_string(id) || name == group_name(id); });
}

}  // namespace mgmt::file
