// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/exec/account.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "src/base/text.h"

namespace mgmt::exec {
namespace {

namespace asio = boost::asio;

struct User {
  uid_t uid;
  gid_t gid;
  std::string name;
  std::string home;
};

// getpwnam_r and its kin: a buffer that grows until the entry fits.
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
std::optional<Account>& own_account() {
  static std::optional<Account> account;
  return account;
}

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Whether only root decides what is found in a folder.
bool is_roots(const std::string& folder) {
  struct stat status{};
  return ::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == 0 &&
         (status.st_mode & S_IWOTH) == 0 && ((status.st_mode & S_IWGRP) == 0 || status.st_gid == 0);
}

// Of mgmt's own what a command can rely on: "." and "" depend on where it runs, and what root runs is nobody else's
// choice.
std::string path_for_commands() {
  const char* own = std::getenv("PATH");
  std::string path;
  for (std::string_view rest = own ? own : ""; !rest.empty();) {
    std::string folder(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (!folder.starts_with('/') || (::geteuid() == 0 && !is_roots(folder))) continue;
    path += (path.empty() ? "" : ":") + folder;
  }
  return path.empty() ? std::string(kDefaultPath) : path;
}

Account account_of(const std::string& user_text, const std::string& group_text) {
  User user = user_text.empty() ? user_of_number(::geteuid(), ::getegid()) : user_of(user_text, !group_text.empty());
  if (user_text.empty()) user.gid = ::getegid();
  if (!group_text.empty()) user.gid = group_of(group_text);
  Account account{.name = user.name, .home = user.home, .path = path_for_commands()};
  bool ours = user.uid == ::geteuid() && user.gid == ::getegid();
  // Root's own groups may be those of whoever became root.
  bool named = !user_text.empty() && ::geteuid() == 0;
  if (!ours || named)
    account.identity = Command::Identity{user.uid, user.gid,
                                         user_text.empty() ? std::vector<gid_t>{user.gid} : groups_of(user, user.gid)};
  return account;
}

std::string question(const std::string& user, const std::string& group) {
  if (user.empty() && group.empty()) return "looking up the user that mgmt runs as";
  if (user.empty()) return fmt::format("looking up group `{}`", printable(group));
  if (group.empty()) return fmt::format("looking up user `{}`", printable(user));
  return fmt::format("looking up user `{}` and group `{}`", printable(user), printable(group));
}

}  // namespace

AccountOf::AccountOf(Loop& loop, const Declaration& declaration, Done done)
    : user_(text_of(declaration.params, kUser)),
      group_(text_of(declaration.params, kGroup)),
      done_(std::move(done)),
      not_asked_(loop) {
  try {
    asking_.emplace(
        loop, question(user_, group_), [user = user_, group = group_] { return account_of(user, group); },
        [this](Result<Account> account) { end(std::move(account)); });
  } catch (const Error& error) {
    not_asked_.after(Duration(0), [this, error] { end(std::unexpected(error)); });
  }
}

const Account* AccountOf::known(const Declaration& declaration) {
  bool own = text_of(declaration.params, kUser).empty() && text_of(declaration.params, kGroup).empty();
  return own && own_account() ? &*own_account() : nullptr;
}

void AccountOf::end(Result<Account> account) {
  if (account && user_.empty() && group_.empty()) own_account() = *account;
  auto done = std::move(done_);
  done(std::move(account));
}

asio::awaitable<Account> account_of(Loop& loop, std::shared_ptr<const Declaration> declaration) {
  if (const Account* known = AccountOf::known(*declaration)) co_return *known;
  asio::steady_timer end(loop.io(), TimePoint::max());  // never rings: cancelling it is the event
  std::optional<Result<Account>> result;
  AccountOf asking(loop, *declaration, [&](Result<Account> account) {
    result = std::move(account);
    end.cancel();
  });
  boost::system::error_code cancelled;
  co_await end.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (!result) throw boost::system::system_error(asio::error::operation_aborted);
  if (!*result) throw std::move(result->error());
  co_return std::move(**result);
}

}  // namespace mgmt::exec
