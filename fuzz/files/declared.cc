// SPDX-License-Identifier: GPL-3.0-or-later
#include "fuzz/files/declared.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace mgmt::fuzz {
namespace {

constexpr const char* kPaths[] = {"x/in/a",   "x/in/b",     "x/in/a/a", "x/in/a/b",
                                  "x/in/b/a", "x/in/a/a/a", "x/in/c",   "x/in/b/b"};
constexpr const char* kContents[] = {"", "one\n", "two\n", "four\n\n\n\n"};
constexpr const char* kFiles[] = {"x/src/f", "x/src/t/f", "x/out/f", "x/in/b", "x/in/c", "x/out/l"};
constexpr const char* kFolders[] = {"x/src/t", "x/src/e", "x/out/d", "x/in/b", "x/src/n", "x/out/l"};
constexpr const char* kTargets[] = {"b", "../out/f", "../out/d", "nothing", "a", "."};
constexpr DeclaredMode kModes[] = {{"0644", 0644, 07133}, {"0600", 0600, 07177},   {"0755", 0755, 07022},
                                   {"0", 0, 07777},       {"g+w,o-x", 0020, 0001}, {"4755", 04755, 03022}};

enum Kind : unsigned {
  kContent,
  kContentAgain,
  kExists,
  kThere,
  kSource,
  kFragments,
  kAbsent,
  kFolder,
  kFolderThere,
  kTree,
  kPurge,
  kTreePurge,
  kFolderAbsent,
  kLink,
  kLinkAbsent,
  kKinds,
};

std::optional<struct stat> status_of(const std::string& path, bool follow = false) {
  struct stat status{};
  if ((follow ? ::stat(path.c_str(), &status) : ::lstat(path.c_str(), &status)) != 0) return std::nullopt;
  return status;
}

std::optional<std::string> read(const std::string& path) {
  auto status = status_of(path, true);
  if (!status || !S_ISREG(status->st_mode)) return std::nullopt;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; (size = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  ::close(fd);
  return text;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) out += c == '\n' ? "\\n" : std::string(1, c);
  return out + "\"";
}

bool is_below(const std::string& path, const std::string& folder) { return path.starts_with(folder + "/"); }

const Node* at(const Snapshot& snapshot, const std::string& path) {
  auto found = snapshot.find(path);
  return found == snapshot.end() ? nullptr : &found->second;
}

bool has_below(const Snapshot& snapshot, const std::string& folder) {
  auto next = snapshot.lower_bound(folder + "/");
  return next != snapshot.end() && is_below(next->first, folder);
}

bool is_mount_point(const Snapshot& snapshot, const std::string& path) {
  const Node* node = at(snapshot, path);
  const Node* parent = at(snapshot, path.substr(0, path.rfind('/')));
  return node && parent && node->mount != parent->mount;
}

bool same(const Node* one, const Node* other) {
  if (!one || !other) return one == other;
  return one->same_inode(*other) && one->mount == other->mount && one->mode == other->mode &&
         one->holds == other->holds;
}

// Set-id bits go with the content that they were given to.
bool keeps_mode(const Node& before, const Node& after) {
  mode_t was = before.mode & 07777, is = after.mode & 07777;
  return was == is || (before.holds != after.holds && is == (was & ~06000U));
}

}  // namespace

Declared::Declared(Choices& choices, const Disk& disk) : disk_(disk) {
  for (unsigned left = 1 + choices.below(4); left > 0; --left) {
    Resource chosen = choose(choices);
    // Of two with one path the graph makes one, or an error.
    if (std::ranges::find(all_, chosen.path, &Resource::path) != all_.end()) continue;
    chosen.name = fmt::format("r{}", all_.size());
    all_.push_back(std::move(chosen));
  }
}

Resource Declared::choose(Choices& choices) const {
  Resource made;
  made.path = choices.of(kPaths);
  unsigned kind = choices.below(kKinds);
  unsigned flags = choices.below(256);
  made.force = (flags & 1) != 0;
  bool has_mode = (flags & 2) != 0;
  bool recurse = (flags & 4) != 0, follow = (flags & 8) != 0, in_place = (flags & 16) != 0;
  unsigned which = choices.below(256);
  if (kind <= kFragments) {
    made.follow = follow;
    made.in_place = in_place;
  }
  switch (kind) {
    case kContent:
    case kContentAgain: made.content = kContents[which % std::size(kContents)]; break;
    case kExists: made.exists = true; break;
    case kThere: break;
    case kSource: made.source = kFiles[which % std::size(kFiles)]; break;
    case kFragments:
      made.fragments = {kFiles[which % std::size(kFiles)], kFolders[which / 8 % std::size(kFolders)]};
      break;
    case kAbsent: made.absent = true; break;
    case kFolder:
      made.exists = true;
      made.recurse = recurse;
      break;
    case kFolderThere: break;
    case kTree:
    case kTreePurge:
      made.source = kFolders[which % std::size(kFolders)];
      made.recurse = true;
      made.purge = kind == kTreePurge;
      break;
    case kPurge: made.exists = made.recurse = made.purge = true; break;
    case kFolderAbsent:
      made.absent = true;
      made.recurse = recurse;
      break;
    case kLink: made.source = kTargets[which % std::size(kTargets)]; break;
    default: made.absent = true;
  }
  if (kind >= kLink) made.type = Resource::Type::Link;
  else if (kind >= kFolder) made.type = Resource::Type::Folder;
  if (has_mode && made.type != Resource::Type::Link && !made.absent) made.mode = &choices.of(kModes);
  return made;
}

const Resource* Declared::find(const std::string& name) const {
  auto found = std::ranges::find(all_, name, &Resource::name);
  return found == all_.end() ? nullptr : &*found;
}

std::vector<std::string> Declared::paths() const {
  std::vector<std::string> paths;
  for (const Resource& r : all_) {
    paths.push_back(r.path);
    paths.push_back(r.path);
    paths.push_back(r.path.substr(0, r.path.rfind('/')));
    if (r.type == Resource::Type::Folder) paths.push_back(r.path + "/a");
    if (r.type != Resource::Type::Link && !r.source.empty()) paths.push_back(r.source);
    for (const std::string& one : r.fragments) paths.push_back(one);
  }
  return paths;
}

std::string Declared::graph() const {
  std::string out = "graph: files\nresources:\n  file:\n";
  for (const Resource& r : all_) {
    bool folder = r.type == Resource::Type::Folder;
    // Whatever fails is looked at again by its events alone, or at once.
    out += fmt::format("  - name: {}\n    meta: {{retry: 0, delay: 1}}\n    path: {}\n", r.name,
                       quoted(disk_.full(r.path) + (folder ? "/" : "")));
    if (r.absent) out += "    state: absent\n";
    if (r.exists) out += "    state: exists\n";
    if (r.type == Resource::Type::Link) out += "    symlink: true\n";
    if (r.content) out += "    content: " + quoted(*r.content) + "\n";
    if (!r.source.empty())
      out += "    source: " +
             quoted(r.type == Resource::Type::Link ? r.source : disk_.full(r.source) + (folder ? "/" : "")) + "\n";
    if (!r.fragments.empty()) {
      std::vector<std::string> paths;
      for (const std::string& one : r.fragments) paths.push_back(quoted(disk_.full(one)));
      out += fmt::format("    fragments: [{}]\n", fmt::join(paths, ", "));
    }
    if (r.mode) out += "    mode: " + quoted(r.mode->text) + "\n";
    if (r.force) out += "    force: true\n";
    if (r.recurse) out += "    recurse: true\n";
    if (r.purge) out += "    purge: true\n";
    if (r.follow) out += "    follow: true\n";
    if (r.in_place) out += "    write: inplace\n";
  }
  return out;
}

std::optional<std::string> Declared::expected(const Resource& r) const {
  if (r.content) return r.content;
  if (r.fragments.empty()) return read(disk_.full(r.source));
  std::string all;
  for (const std::string& one : r.fragments) {
    std::string path = disk_.full(one);
    auto status = status_of(path, true);
    if (!status) return std::nullopt;
    std::vector<std::string> parts{path};
    if (S_ISDIR(status->st_mode)) {
      parts.clear();
      for (const std::string& name : names_in(path))
        if (auto part = status_of(path + "/" + name); part && S_ISREG(part->st_mode))
          parts.push_back(path + "/" + name);
    }
    for (const std::string& part : parts) {
      auto text = read(part);
      if (!text) return std::nullopt;
      all += *text;
    }
  }
  return all;
}

bool Declared::is_managed_by_other(const Resource& r, const std::string& path) const {
  return std::ranges::any_of(all_, [&](const Resource& other) { return &other != &r && other.path == path; });
}

bool Declared::has_managed_below(const std::string& path) const {
  return std::ranges::any_of(all_, [&](const Resource& other) { return is_below(other.path, path); });
}

std::string Declared::wrong(const Resource& r) const {
  std::string path = disk_.full(r.path);
  auto found = status_of(path, r.follow);
  if (r.absent) return found ? "it is there" : "";
  if (!found) return "it is missing";
  if (r.type == Resource::Type::Link) {
    if (!S_ISLNK(found->st_mode)) return "it is no link";
    return text_of_link(path) == r.source ? "" : "it points to " + text_of_link(path);
  }
  bool folder = r.type == Resource::Type::Folder;
  if (folder ? !S_ISDIR(found->st_mode) : !S_ISREG(found->st_mode)) return "it is of another type";
  mode_t mode = found->st_mode & 07777;
  if (r.mode && ((mode & r.mode->set) != r.mode->set || (mode & r.mode->clear) != 0))
    return fmt::format("its mode is {:04o}", mode);
  if (r.has_content()) {
    auto wanted = expected(r);
    if (!wanted) return "its source can't be read";
    if (auto holds = read(path); holds != wanted) return "it holds " + quoted(holds.value_or("(nothing)"));
  }
  return r.has_tree() ? wrong_tree(r, "", !r.source.empty()) : "";
}

std::string Declared::wrong_tree(const Resource& r, const std::string& item, bool in_source) const {
  std::string path = disk_.full(r.path) + item, source = disk_.full(r.source) + item;
  std::vector<std::string> wanted;
  if (in_source) {
    auto folder = status_of(source + "/", true);
    // With force a source that is missing is an empty one.
    if ((!folder || !S_ISDIR(folder->st_mode)) && !(r.purge && r.force)) return "its source " + item + " is no folder";
    wanted = names_in(source);
  }
  for (const std::string& name : wanted) {
    std::string at = item + "/" + name;
    auto from = status_of(source + "/" + name);
    if (!S_ISDIR(from->st_mode) && is_managed_by_other(r, r.path + at)) continue;
    auto there = status_of(path + "/" + name);
    if (!there || (there->st_mode & S_IFMT) != (from->st_mode & S_IFMT)) return at + " isn't what the source has";
    if (S_ISLNK(from->st_mode) && text_of_link(path + "/" + name) != text_of_link(source + "/" + name))
      return at + " is another link";
    if (S_ISREG(from->st_mode) && read(path + "/" + name) != read(source + "/" + name))
      return at + " holds something else";
    if (S_ISDIR(from->st_mode))
      if (std::string inner = wrong_tree(r, at, true); !inner.empty()) return inner;
  }
  if (!r.purge) return "";
  // What another one's tree has there isn't ours.
  for (const Resource& other : all_)
    if (&other != &r && other.has_tree() && (other.path == r.path + item || is_below(r.path + item, other.path)) &&
        other.path != r.path && is_below(other.path, r.path))
      return "";
  for (const std::string& name : names_in(path)) {
    std::string at = item + "/" + name;
    if (std::ranges::find(wanted, name) != wanted.end() || is_managed_by_other(r, r.path + at)) continue;
    if (!has_managed_below(r.path + at)) return at + " is there";
    if (std::string inner = wrong_tree(r, at, false); !inner.empty()) return inner;
  }
  return "";
}

Place Declared::place_of(const Resource& r) const {
  Place place{.entry = disk_.place_of(r.path, r.follow), .source = "", .content = std::nullopt};
  if (r.has_content()) place.content = expected(r);
  else if (r.type == Resource::Type::File) place.content = "";
  if (r.type == Resource::Type::Folder && !r.source.empty()) place.source = disk_.place_of(r.source, true);
  return place;
}

bool Declared::may_entry(const Resource& r, const Place& place, const Snapshot& before, const Snapshot& after) const {
  const Node* was = at(before, place.entry);
  const Node* is = at(after, place.entry);
  bool of_type = was && (r.type == Resource::Type::File     ? was->is_file()
                         : r.type == Resource::Type::Folder ? was->is_folder()
                                                            : was->is_link());
  if (was && (!is || !was->same_inode(*is)) && is_mount_point(before, place.entry)) return false;
  if (r.absent) {
    if (is) return false;
    if (r.force) return true;
    if (r.type == Resource::Type::File) return !was->is_folder();
    return of_type && (!was->is_folder() || r.recurse || !has_below(before, place.entry));
  }
  if (was && !of_type && !r.force) return false;
  if (!was && !r.is_made()) return false;
  if (!is) return !of_type;  // what was in the way has gone already
  if (r.type == Resource::Type::Link) return is->is_link() && is->holds == r.source;
  if (r.type == Resource::Type::Folder) {
    if (!is->is_folder()) return false;
    if (of_type) return was->same_inode(*is) && r.mode;
    return r.mode || (is->mode & 07777 & ~02000U) == 0755;
  }
  if (!is->is_file()) return false;
  bool content_stays = of_type && was->holds == is->holds;
  if (!content_stays && is->holds != place.content) return false;
  if (of_type && !r.has_content() && !was->same_inode(*is)) return false;
  if (of_type && r.in_place && !was->same_inode(*is)) return false;
  if (of_type && !content_stays && !r.in_place && was->same_inode(*is)) return false;
  if (r.mode) return true;
  return of_type ? keeps_mode(*was, *is) : (is->mode & 07777) == 0644;
}

bool Declared::may_below(const Resource& r, const Place& place, const std::string& item, const Snapshot& before,
                         const Snapshot& after) const {
  std::string path = place.entry + item;
  const Node* was = at(before, path);
  const Node* is = at(after, path);
  const Node* top = at(before, place.entry);
  if (was && !is && (!top || was->mount != top->mount)) return false;
  bool folder = r.type == Resource::Type::Folder;
  if (r.absent) return was && !is && (r.recurse || r.force);
  if (!folder) return was && !is && r.force;
  if (!r.has_tree()) return false;
  const Node* from = place.source.empty() ? nullptr : at(before, place.source + item);
  if (from) {
    if (!from->is_folder() && is_managed_by_other(r, r.path + item)) return false;
    if (was && was->type() != from->type() && !r.force) return false;
    if (!is) return was && was->type() != from->type();
    if (is->type() != from->type()) return false;
    if (from->is_folder()) return !was || !was->is_folder();
    if (is->holds != from->holds) return false;
    if (from->is_link()) return true;
    return was && was->is_file() ? keeps_mode(*was, *is) : (is->mode & 07777) == (from->mode & 0777);
  }
  if (!was || is) return false;
  // It goes: with what it stood in, which is something else in the source, or because the source hasn't got it.
  for (std::string up = item.substr(0, item.rfind('/')); !up.empty() && !place.source.empty();
       up = up.substr(0, up.rfind('/')))
    if (const Node* other = at(before, place.source + up); other && !other->is_folder()) return r.force;
  if (!r.purge) return false;
  if (!r.source.empty() && !r.force && !has_below(before, place.source)) return false;
  for (std::string up = item; !up.empty(); up = up.substr(0, up.rfind('/')))
    if (is_managed_by_other(r, r.path + up)) return false;
  return !has_managed_below(r.path + item);
}

bool Declared::may(const Resource& r, const Place& place, const std::string& path, const Snapshot& before,
                   const Snapshot& after) const {
  if (path == place.entry) return may_entry(r, place, before, after);
  if (is_below(path, place.entry)) return may_below(r, place, path.substr(place.entry.size()), before, after);
  const Node* is = at(after, path);
  return is_below(place.entry, path) && r.type == Resource::Type::Folder && r.recurse && r.is_made() &&
         !at(before, path) && is && is->is_folder() && (is->mode & 07777 & ~02000U) == 0755;
}

std::string Declared::illegal(const Resource& r, const Place& place, const Snapshot& before,
                              const Snapshot& after) const {
  std::vector<std::string> changed;
  for (const auto& [path, node] : before)
    if (!same(&node, at(after, path))) changed.push_back(path);
  for (const auto& [path, node] : after)
    if (!at(before, path)) changed.push_back(path);
  for (const std::string& path : changed) {
    if (may(r, place, path, before, after)) continue;
    const Node* was = at(before, path);
    const Node* is = at(after, path);
    bool excused = false;
    // Under another name it is the same file, changed in place.
    if (was && is && was->same_inode(*is))
      for (const std::string& other : changed)
        if (const Node* there = at(before, other); there && other != path && there->same_inode(*was))
          excused = excused || may(r, place, other, before, after);
    // Or it is in a folder that has two paths.
    for (std::size_t slash = path.find('/'); slash != std::string::npos && !excused; slash = path.find('/', slash + 1))
      for (const Snapshot* all : {&before, &after})
        if (const Node* folder = at(*all, path.substr(0, slash)))
          for (const auto& [other, node] : *all)
            if (node.same_inode(*folder) && other != path.substr(0, slash))
              excused = excused || may(r, place, other + path.substr(slash), before, after);
    if (!excused) return fmt::format("{} made of {} ({}) this: {}", r.name, path, describe(was), describe(is));
  }
  return "";
}

}  // namespace mgmt::fuzz
