// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/whose.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"
#include "src/resources/kind.h"
#include "src/state/database.h"
#include "src/value/json.h"
#include "src/views/entry.h"

namespace mgmt::cli {

namespace {

struct Owner {
  std::string resource, place;
  /// Of a tree: where it comes from, and whether nothing else may be in it.
  std::string source = {};
  bool purge = false;
};
/// By path.
using Owners = std::multimap<std::string, Owner>;

bool concerns(const std::string& managed, const std::string& path) {
  return is_within(managed, path) || is_within(path, managed);
}

struct Known {
  Owners owners;
  bool from_agent = false;
  bool from_store = false;
};

Known known_of(const Place& place, const std::string& path) {
  Known known;
  auto answer = ask_agent(place.socket(), Value(Map{{"ask", Value("whose")}, {"path", Value(path)}}));
  if (answer) {
    known.from_agent = true;
    const Value* list = member(answer->value, "owners");
    for (const Value& one : list && list->get_if<List>() ? list->get<List>() : List{}) {
      const Value* purge = member(one, "purge");
      known.owners.emplace(text_of(one, "path"), Owner{.resource = text_of(one, "resource"),
                                                       .place = text_of(one, "place"),
                                                       .source = text_of(one, "source"),
                                                       .purge = purge && purge->get_if<bool>() && purge->get<bool>()});
    }
    return known;
  }
  known.from_store = state::read_database(place.database(), [&](state::Rows& rows) {
    known.owners.clear();
    rows.each_path([&](const state::Known& one) {
      if (concerns(one.path, path)) known.owners.emplace(one.path, Owner{.resource = one.id, .place = one.place});
    });
  });
  return known;
}

// The folder's own links followed, not the last one: that is what a resource may be about.
std::string resolved(const std::string& path) {
  char buffer[PATH_MAX];
  const char* folder = ::realpath(parent_path(path).c_str(), buffer);
  return folder && path != "/" ? join_path(folder, base_name(path)) : path;
}

// The nearest one above, if it makes or keeps `path` as a part of its tree.
const Owners::value_type* above(const Owners& owners, const std::string& path, bool part_of_tree) {
  for (std::string at = path; at != "/";) {
    at = parent_path(at);
    auto [first, last] = owners.equal_range(at);
    for (auto one = first; one != last; ++one) {
      const Owner& owner = one->second;
      if (!part_of_tree) return &*one;
      if (owner.purge) return &*one;
      struct stat status{};
      if (!owner.source.empty() && ::lstat((owner.source + path.substr(at.size())).c_str(), &status) == 0) return &*one;
    }
  }
  return nullptr;
}

using Last = std::unordered_map<std::string, state::Entry>;

Last last_of(const Place& place, const Owners& owners) {
  Last last;
  std::unordered_map<std::string, bool> wanted;
  for (const auto& [path, owner] : owners) wanted.emplace(owner.resource, true);
  if (wanted.empty()) return last;
  state::read_database(place.database(), [&](state::Rows& rows) {
    last.clear();
    rows.history({}, [&](const state::Entry& entry) {
      if (wanted.contains(entry.resource)) last.try_emplace(entry.resource, entry);
      return last.size() < wanted.size();
    });
  });
  return last;
}

void tell(const std::string& path, const Owner& owner, const Last& last, bool json) {
  auto found = last.find(owner.resource);
  if (json) {
    fmt::print("{{\"path\": {}, \"resource\": {}, \"place\": {}, \"last\": {}}}\n", json_quote(path),
               json_quote(owner.resource), json_quote(owner.place),
               found == last.end() ? "null" : views::to_json(found->second));
    return;
  }
  fmt::print("{}: {}{}\n", printable(path), printable(owner.resource),
             owner.place.empty() ? "" : " at " + printable(owner.place));
  if (found == last.end()) return fmt::print("    nothing was done to it, as far back as the history goes\n");
  for (std::string_view line : split_lines(views::to_text(found->second))) fmt::print("    {}\n", line);
}

void tell_nobody(const std::string& path, const Owners& owners, bool json) {
  if (json) return fmt::print("{{\"path\": {}, \"resource\": null}}\n", json_quote(path));
  fmt::print("{}: nobody\n", printable(path));
  if (const auto* folder = above(owners, path, false))
    fmt::print("    the folder {} above it is {}\n", printable(folder->first), printable(folder->second.resource));
}

/// What nobody manages below a folder, a whole folder as one. Doesn't follow links, nor enter mounts.
class Unmanaged {
 public:
  Unmanaged(const Owners& owners, bool json) : owners_(owners), json_(json) {}

  /// False: something couldn't be read.
  bool walk(const std::string& folder) {
    std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })> dir(::opendir(folder.c_str()));
    struct stat own{};
    if (!dir || ::fstat(::dirfd(dir.get()), &own) != 0) {
      fmt::print(stderr, "mgmt: {}\n", Error::system(errno, "listing " + printable(folder)).text());
      return false;
    }
    std::vector<std::pair<std::string, bool>> entries;  // name, a folder of this file system
    while (const dirent* entry = ::readdir(dir.get())) {
      std::string name = entry->d_name;
      struct stat status{};
      if (name == "." || name == ".." || ::fstatat(::dirfd(dir.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      entries.emplace_back(std::move(name), S_ISDIR(status.st_mode) && status.st_dev == own.st_dev);
    }
    dir.reset();
    std::ranges::sort(entries);
    bool all = true;
    for (const auto& [name, is_folder] : entries) {
      std::string path = join_path(folder, name);
      bool managed = owners_.contains(path) || above(owners_, path, true);
      if (is_folder && (managed || any_below(path))) all = walk(path) && all;
      else if (!managed) tell(path + (is_folder ? "/" : ""));
    }
    return all;
  }

 private:
  bool any_below(const std::string& path) const {
    auto at = owners_.lower_bound(path + "/");
    return at != owners_.end() && at->first.starts_with(path + "/");
  }
  void tell(const std::string& path) const {
    if (json_) fmt::print("{{\"path\": {}, \"resource\": null}}\n", json_quote(path));
    else fmt::print("{}\n", printable(path));
  }

  const Owners& owners_;
  bool json_;
};

}  // namespace

std::string owners_json(const GraphIndex& index, const std::string& path) {
  std::string list;
  for (const auto& declaration : index.graph().vertices) {
    const Kind& kind = *declaration->kind;
    if (declaration->exported || !kind.managed_path) continue;
    auto managed = kind.managed_path(*declaration);
    if (!managed || !concerns(*managed, path)) continue;
    std::string tree;
    if (kind.views_managed_paths && kind.views_managed_paths(*declaration)) {
      for (const Params::Item& item : declaration->params.items()) {
        std::string_view param = kind.params[item.index].name;
        const auto* source = item.value.get_if<std::string>();
        const bool* purge = item.value.get_if<bool>();
        if (param == "source" && source) tree += fmt::format(R"(, "source": {})", json_quote(clean_path(*source)));
        if (param == "purge" && purge && *purge) tree += R"(, "purge": true)";
      }
    }
    list += fmt::format(R"({}{{"resource": {}, "place": {}, "path": {}{}}})", list.empty() ? "" : ", ",
                        json_quote(declaration->id()), json_quote(index.graph().place_of(declaration->pos)),
                        json_quote(*managed), tree);
  }
  return "{\"owners\": [" + list + "]}";
}

int whose(const WhoseCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  std::string path = clean_path(std::filesystem::absolute(command.path).string());
  auto is_below = [](const Owners& owners, const std::string& folder) {
    return std::ranges::any_of(owners, [&](const auto& one) { return is_within(one.first, folder); });
  };
  Known known = known_of(place, path);
  if (std::string real = resolved(path); real != path && !is_below(known.owners, path)) {
    path = std::move(real);
    known = known_of(place, path);
  }
  if (!known.from_agent && !known.from_store)
    fmt::print(stderr, "no agent named `{}` runs under {}, and none has left anything to be read there\n",
               place.hostname, place.prefix);
  if (command.unmanaged) return Unmanaged(known.owners, command.json).walk(path) ? kOk : kOther;
  Last last = last_of(place, known.owners);
  bool any = false;
  for (const auto& [managed, owner] : known.owners) {
    if (!is_within(managed, path)) continue;
    tell(managed, owner, last, command.json);
    any |= managed == path;
  }
  if (any) return kOk;
  if (const auto* tree = above(known.owners, path, true)) tell(path, tree->second, last, command.json);
  else if (!is_below(known.owners, path)) tell_nobody(path, known.owners, command.json);
  return kOk;
}

}  // namespace mgmt::cli
