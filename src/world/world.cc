// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/world.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <unordered_set>

#include "src/base/text.h"

namespace mgmt::world {
namespace {

std::optional<Error> bad_key(std::string_view key) {
  if (!key.starts_with("/v1/") || key.ends_with('/') || key.find("//") != key.npos)
    return Error(fmt::format("`{}` is no key", printable(key.substr(0, 200)))).hint("keys are /v1/<area>/<writer>/...");
  if (key.find('\0') != key.npos)
    return Error(fmt::format("the key `{}` has a NUL byte", printable(key.substr(0, 200))));
  if (key.size() > kMaxKeyBytes)
    return Error(
        fmt::format("a key of {} bytes (`{}...`): at most {}", key.size(), printable(key.substr(0, 60)), kMaxKeyBytes));
  return std::nullopt;
}

}  // namespace

std::optional<Error> refusal(const Commit& commit) {
  std::size_t operations = commit.conditions.size() + commit.puts.size() + commit.deletes.size();
  if (operations > kMaxCommitOperations)
    return Error(fmt::format("a commit of {} operations: at most {}", operations, kMaxCommitOperations));

  std::size_t bytes = 0;
  std::unordered_set<std::string_view> written;
  auto write = [&](std::string_view key) -> std::optional<Error> {
    if (!written.insert(key).second) return Error(fmt::format("a commit writes `{}` twice", printable(key)));
    return bad_key(key);
  };
  for (const Condition& condition : commit.conditions) {
    if (auto error = bad_key(condition.key)) return error;
    bytes += condition.key.size();
  }
  for (const Put& put : commit.puts) {
    if (auto error = write(put.key)) return error;
    bytes += put.key.size() + put.value.size();
  }
  for (const std::string& key : commit.deletes) {
    if (auto error = write(key)) return error;
    bytes += key.size();
  }
  if (bytes > kMaxCommitBytes) return Error(fmt::format("a commit of {} bytes: at most {}", bytes, kMaxCommitBytes));
  return std::nullopt;
}

std::optional<Error> bad_prefix(std::string_view prefix) {
  if (prefix.starts_with('/') && prefix.ends_with('/')) return std::nullopt;
  return Error(fmt::format("`{}` is no prefix of keys", printable(prefix)))
      .hint("a prefix begins and ends with a slash");
}

std::string new_request_id() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw Error::system(errno, "asking the kernel for random bytes");
  std::string id;
  for (unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
  return id;
}

}  // namespace mgmt::world
