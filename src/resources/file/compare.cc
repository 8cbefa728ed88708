// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/compare.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "src/async/confine.h"
#include "src/resources/file/capabilities.h"
#include "src/resources/file/owner.h"

namespace mgmt::file {
namespace {

// In a plan of an ordinary user all owners but oneself look like this one.
constexpr id_t kOverflowId = 65534;

void compare_id(const char* param, id_t wanted, id_t own, std::optional<id_t> now, std::string (*name_of)(id_t),
                const std::string& item, Delta& delta) {
  if (wanted == kAsFound || now == wanted) return;
  Change change{
      .param = param, .item = item, .before = now ? Value(name_of(*now)) : Value(), .after = Value(name_of(wanted))};
  if (now == kOverflowId && wanted != own && confine::hides_owners()) {
    change.before = Value();
    change.known = false;
    change.why = "an ordinary user's plan can't see whose it is";
  }
  delta.changes.push_back(std::move(change));
}

}  // namespace

void compare_attributes(const Attributes& attributes, const struct stat* now, Content content, const std::string& item,
                        Delta& delta) {
  compare_id("owner", attributes.owner, ::geteuid(), now ? std::optional<id_t>(now->st_uid) : std::nullopt, user_name,
             item, delta);
  compare_id("group", attributes.group, ::getegid(), now ? std::optional<id_t>(now->st_gid) : std::nullopt, group_name,
             item, delta);
  if (!now) {
    if (!attributes.mode) return;
    mode_t wanted = attributes.mode->of(attributes.fallback, attributes.fallback == 0755);
    delta.changes.push_back({.param = "mode", .item = item, .after = Value(octal(wanted))});
    return;
  }
  mode_t current = now->st_mode & 07777, wanted = mode_after(attributes, *now, content);
  if (S_ISLNK(now->st_mode) || wanted == current) return;
  delta.changes.push_back(
      {.param = "mode", .item = item, .before = Value(octal(current)), .after = Value(octal(wanted))});
}

void compare_losses(int fd, const struct stat& now, const std::string& shown, const std::string& item, bool in_place,
                    Delta& delta) {
  if (std::string capabilities = capabilities_of(fd); !capabilities.empty())
    delta.changes.push_back({.param = "capabilities", .item = item, .before = Value(std::move(capabilities))});
  if (in_place || now.st_nlink < 2) return;
  auto names = static_cast<std::int64_t>(now.st_nlink);
  delta.changes.push_back({.param = "links", .item = item, .before = Value(names), .after = Value(std::int64_t{1})});
  delta.warnings.push_back(fmt::format(
      "{} is one of {} names of the same file (hard links): the new content is under this name only, and {} "
      "the old; `find -xdev -samefile {}` shows them while they are one",
      shown, names, names == 2 ? "the other keeps" : "the others keep", shown));
}

}  // namespace mgmt::file
