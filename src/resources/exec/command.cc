// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/exec/command.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "src/base/text.h"
#include "src/resources/exec/exec.h"

namespace mgmt::exec {
namespace {

struct User {
  uid_t uid;
  gid_t gid;
  std::string name;
  std::string home;
};

// getpwnam_r and its kin: a buffer that grows until the entry fits. They block, here the loop: a few microseconds for
// the local files, long if a name service on the network is away.
template <class Entry, class Get>
bool look_up(const std::string& what, Entry& entry, std::vector<char>& buffer, Get get) {
  buffer.resize(1024);
  Entry* found = nullptr;
  while (true) {
    int error = get(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) {
      buffer.resize(buffer.size() * 2);
    } else if (error == 0 || error == ENOENT || error == ESRCH) {
      return found != nullptr;
    } else if (error != EINTR) {
      throw Error::system(error, "looking up " + what);
    }
  }
}

std::optional<User> find_user(const std::string& what, auto get) {
  passwd entry{};
  std::vector<char> buffer;
  if (!look_up(what, entry, buffer, get)) return std::nullopt;
  return User{entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir};
}

std::optional<User> user_by_number(uid_t uid) {
  return find_user(fmt::format("user {}", uid), [&](passwd* entry, char* data, std::size_t size, passwd** found) {
    return ::getpwuid_r(uid, entry, data, size, found);
  });
}

std::optional<std::uint32_t> number_of(const std::string& text) {
  std::uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // The largest means "unchanged" to the system calls.
  if (error != std::errc() || end != text.data() + text.size() || number == ~std::uint32_t{0}) return std::nullopt;
  return number;
}

User user_of_number(uid_t uid, gid_t gid_if_unknown) {
  if (auto user = user_by_number(uid)) return *user;
  return {uid, gid_if_unknown, std::to_string(uid), "/"};
}

// As chown reads it: a name first, even if it looks like a number.
User user_of(const std::string& text, bool group_is_given) {
  auto user = find_user("user " + text, [&](passwd* entry, char* data, std::size_t size, passwd** found) {
    return ::getpwnam_r(text.c_str(), entry, data, size, found);
  });
  if (user) return *user;
  auto number = number_of(text);
  if (!number)
    throw Error(fmt::format("there is no user `{}`", printable(text)))
        .hint("create it first, with an edge from what does");
  if (auto by_number = user_by_number(*number)) return *by_number;
  if (!group_is_given)
    throw Error(fmt::format("user {} is not in the user database, so its group isn't known", *number))
        .hint("set `group` too");
  return {*number, *number, text, "/"};
}

gid_t group_of(const std::string& text) {
  group entry{};
  std::vector<char> buffer;
  bool found = look_up("group " + text, entry, buffer, [&](group* into, char* data, std::size_t size, group** result) {
    return ::getgrnam_r(text.c_str(), into, data, size, result);
  });
  if (found) return entry.gr_gid;
  if (auto number = number_of(text)) return *number;
  throw Error(fmt::format("there is no group `{}`", printable(text)))
      .hint("create it first, with an edge from what does");
}

std::vector<gid_t> groups_of(const User& user, gid_t gid) {
  std::vector<gid_t> groups(32);
  int count = static_cast<int>(groups.size());
  while (::getgrouplist(user.name.c_str(), gid, groups.data(), &count) < 0) {
    groups.resize(std::max(groups.size() * 2, static_cast<std::size_t>(count)));
    count = static_cast<int>(groups.size());
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

// The agent's own doesn't change; a lookup for each of a thousand commands would cost more than some of them.
const User& own_user() {
  static const User user = user_of_number(::geteuid(), ::getegid());
  return user;
}

// Whom to become, and what the environment says of it.
User set_identity(const Params& params, Command& command) {
  std::string user_text(text_of(params, kUser)), group_text(text_of(params, kGroup));
  if (user_text.empty() && group_text.empty()) return own_user();
  User user = user_text.empty() ? own_user() : user_of(user_text, !group_text.empty());
  if (user_text.empty()) user.gid = ::getegid();
  if (!group_text.empty()) user.gid = group_of(group_text);
  if (user.uid != ::geteuid() || user.gid != ::getegid())
    command.identity = Command::Identity{user.uid, user.gid,
                                         user_text.empty() ? std::vector<gid_t>{user.gid} : groups_of(user, user.gid)};
  return user;
}

std::string own_path() {
  const char* path = std::getenv("PATH");
  return path != nullptr && *path != '\0' ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

void set_environment(const Params& params, const User& user, Command& command) {
  command.env = {{"PATH", own_path()}, {"HOME", user.home}, {"USER", user.name}, {"LANG", "C.UTF-8"}};
  const Map* given = params.find<Map>(kEnv);
  if (given == nullptr) return;
  for (const auto& [name, value] : *given) {
    auto same = std::ranges::find(command.env, name, [](const auto& variable) { return variable.first; });
    if (same != command.env.end()) same->second = value.get<std::string>();
    else command.env.emplace_back(name, value.get<std::string>());
  }
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    std::size_t begin = text.find_first_not_of(kWhiteSpace);
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(kWhiteSpace));
    words.emplace_back(word);
    text.remove_prefix(word.size());
  }
}

std::string command_text(const Declaration& declaration) {
  std::string text = declaration.params.get_or<std::string>(kCmd, declaration.name);
  if (const List* args = declaration.params.find<List>(kArgs))
    for (const Value& arg : *args) text.append(" ").append(arg.get<std::string>());
  return text;
}

Command make_command(const Declaration& declaration, const CommandParams& which) {
  const Params& params = declaration.params;
  bool main = which.cmd == kCmd;
  std::string text = params.get_or<std::string>(which.cmd, main ? declaration.name : "");
  std::string shell(text_of(params, which.shell));
  Command command{.argv = {}, .cwd = std::string(text_of(params, which.cwd))};
  if (!shell.empty()) {
    command.argv = {shell, "-c", text};
  } else {
    command.argv = split_words(text);
    const List* args = params.find<List>(kArgs);
    if (main && args != nullptr)
      for (const Value& arg : *args) command.argv.push_back(arg.get<std::string>());
  }
  User user = set_identity(params, command);
  set_environment(params, user, command);
  return command;
}

std::string shown(std::string_view command) {
  constexpr std::size_t kWidth = 80;
  std::string_view line = command.substr(0, command.find('\n'));
  std::size_t end = std::min(line.size(), kWidth);
  while (end > 0 && end < line.size() && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return fmt::format("`{}{}`", printable(line.substr(0, end)), end < command.size() ? " ..." : "");
}

std::string ending_text(std::string_view command, const Ending& ending) {
  if (ending.signal == 0) return fmt::format("{} ended with status {}", shown(command), ending.status);
  const char* name = ::sigabbrev_np(ending.signal);
  return fmt::format("{} was killed by signal {}{}", shown(command), ending.signal,
                     name != nullptr ? fmt::format(" (SIG{})", name) : "");
}

}  // namespace mgmt::exec
