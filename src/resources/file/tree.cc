// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "src/base/path.h"
#include "src/resources/file/describe.h"
#include "src/resources/file/folder.h"
#include "src/resources/file/temporary.h"
#include "src/resources/file/write.h"

namespace mgmt::file {
namespace {

mode_t type_of(const struct stat& status) { return status.st_mode & S_IFMT; }

std::string below(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

class Comparison {
 public:
  Comparison(const Tree& tree, bool want_text, Delta& delta) : tree_(tree), want_text_(want_text), delta_(delta) {}

  void run() {
    Fd source, target;
    if (!tree_.source.empty()) {
      // The folder itself may be a symlink; what lies in it is copied as it is.
      source = Fd(::open((tree_.source + "/").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
      if (!source && !(errno == ENOENT && tree_.purge && tree_.force))
        throw Error::system(errno, "reading the source " + tree_.source + "/");
      if (source && tree_.purge && !tree_.force && entries_of(source.get(), tree_.source, 1).empty())
        throw Error(fmt::format("the source {}/ is empty, so a purge would empty {}/", tree_.source, tree_.path))
            .hint("`force: true` allows it");
    }
    Spot spot{.name = tree_.path.c_str(), .shown = tree_.path};
    if (std::optional<Found> found = look(spot); found && S_ISDIR(found->status.st_mode)) target = open_folder(spot);
    folder(source.get(), target.get(), "");
    delta_.changes.insert(delta_.changes.end(), std::make_move_iterator(removals_.begin()),
                          std::make_move_iterator(removals_.end()));
  }

 private:
  // `source` and `target` are open folders, or -1 where there is none.
  void folder(int source, int target, const std::string& item) {
    if (tree_.sweep && target >= 0) sweep_folder_of(join_path(tree_.path, item) + "/");
    std::vector<std::string> wanted;
    if (source >= 0) wanted = entries_of(source, join_path(tree_.source, item));
    std::erase_if(wanted, [](const std::string& name) { return is_temporary_name(name); });
    for (const std::string& name : wanted) entry(source, target, name, below(item, name));
    if (!tree_.purge || target < 0 || !tree_.managed) return;
    for (const std::string& name : entries_of(target, join_path(tree_.path, item)))
      if (!std::ranges::binary_search(wanted, name) && !is_temporary_name(name)) purge(target, name, below(item, name));
  }

  void entry(int source, int target, const std::string& name, const std::string& item) {
    std::string from = join_path(tree_.source, item);
    std::optional<Found> wanted = look({.folder = source, .name = name.c_str(), .shown = from});
    if (!wanted) throw Raced(from);
    bool is_folder = S_ISDIR(wanted->status.st_mode);
    if (!is_folder && !S_ISREG(wanted->status.st_mode) && !S_ISLNK(wanted->status.st_mode))
      throw Error(fmt::format("{} is {}, and can't be copied", from, describe_type(wanted->status.st_mode)));
    // A file that a resource of its own declares is that one's.
    if (!is_folder && is_managed(item)) return;

    Spot spot{.folder = target, .name = name.c_str(), .shown = join_path(tree_.path, item)};
    std::optional<Found> found;
    if (target >= 0) found = look(spot);
    bool same_type = found && type_of(found->status) == type_of(wanted->status);
    if (found && !same_type && !tree_.force)
      throw Error(fmt::format("{} is {}, and the source has {} there", spot.shown, describe_type(found->status.st_mode),
                              describe_type(wanted->status.st_mode)))
          .hint("`force: true` replaces it");
    if (found && !same_type) refuse_mounts(spot, Inside::Remove);

    if (is_folder) {
      if (!same_type) add("state", item, found ? Value(type_word(found->status.st_mode)) : Value(), Value("exists"));
      Fd inner = open_folder({.folder = source, .name = name.c_str(), .shown = from});
      Fd there;
      if (same_type) there = open_folder(spot);
      folder(inner.get(), there.get(), item);
    } else if (S_ISLNK(wanted->status.st_mode)) {
      std::string points_to = read_link({.folder = source, .name = name.c_str(), .shown = from});
      std::string now = same_type ? read_link(spot) : "";
      if (now != points_to) add("source", item, same_type ? Value(now) : Value(), Value(points_to));
    } else {
      file(from, spot, item, same_type);
    }
  }

  void file(const std::string& from, const Spot& spot, const std::string& item, bool there) {
    Bytes bytes(std::vector<std::string>{from});
    Fd now;
    if (there) {
      now = open_file(spot);
      struct stat status{};
      if (::fstat(now.get(), &status) != 0) throw Error::system(errno, "looking at " + spot.shown);
      if (status.st_size == bytes.size() && same_bytes(now.get(), bytes, spot.shown)) return;
    }
    Change& change = delta_.changes.emplace_back(
        content_change(now.get(), spot.shown, bytes, want_text_ && (there || !tree_.sweep)));
    change.item = item;
  }

  void purge(int target, const std::string& name, const std::string& item) {
    Spot spot{.folder = target, .name = name.c_str(), .shown = join_path(tree_.path, item)};
    if (is_managed(item)) return;
    if (holds_managed(item)) {
      Fd inner = open_folder(spot);
      return folder(-1, inner.get(), item);
    }
    refuse_mounts(spot, Inside::Remove);
    removals_.push_back(Change{.param = "state", .item = item, .before = Value("exists"), .after = Value("absent")});
  }

  bool is_managed(const std::string& item) const {
    return tree_.managed && std::ranges::binary_search(*tree_.managed, join_path(tree_.path, item));
  }
  bool holds_managed(const std::string& item) const {
    std::string prefix = join_path(tree_.path, item) + "/";
    auto at = std::ranges::lower_bound(*tree_.managed, prefix);
    return at != tree_.managed->end() && at->starts_with(prefix);
  }
  void add(const char* param, const std::string& item, Value before, Value after) {
    delta_.changes.push_back(
        Change{.param = param, .item = item, .before = std::move(before), .after = std::move(after)});
  }

  const Tree& tree_;
  bool want_text_;
  Delta& delta_;
  std::vector<Change> removals_;
};

}  // namespace

void compare_tree(const Tree& tree, bool want_text, Delta& delta) { Comparison(tree, want_text, delta).run(); }

namespace {

// The folder of the last change, so that a folder of many is opened once.
class Parents {
 public:
  explicit Parents(const Tree& tree)
      : tree_(tree), root_(open_folder({.name = tree.path.c_str(), .shown = tree.path})) {}

  int of(const std::string& item) {
    std::size_t slash = item.rfind('/');
    std::string folder = slash == std::string::npos ? "" : item.substr(0, slash);
    if (folder.empty()) return root_.get();
    if (!last_ || folder != name_) {
      Fd at;
      std::string shown = tree_.path;
      for (std::string_view part : path_components(folder)) {
        std::string name(part);
        shown = join_path(shown, name);
        at = open_folder({.folder = at ? at.get() : root_.get(), .name = name.c_str(), .shown = shown});
      }
      last_ = std::move(at);
      name_ = folder;
    }
    return last_.get();
  }
  void forget() { last_.reset(); }

 private:
  const Tree& tree_;
  Fd root_;
  Fd last_;
  std::string name_;
};

}  // namespace

void apply_tree(const Tree& tree, const Delta& delta, const std::function<void(const std::string&, dev_t)>& written) {
  Parents parents(tree);
  for (const Change& change : delta.changes) {
    if (change.item.empty()) continue;
    std::string name = base_name(change.item);
    Spot spot{.folder = parents.of(change.item), .name = name.c_str(), .shown = join_path(tree.path, change.item)};
    std::optional<Found> found = look(spot);
    const auto* after = change.after.get_if<std::string>();
    if (change.param == "state" && after && *after == "absent") {
      if (!found) continue;
      remove_entry(spot, Inside::Remove);
      parents.forget();
      written(spot.shown, found->status.st_dev);
      continue;
    }
    std::string from = join_path(tree.source, change.item);
    std::optional<Found> wanted = look({.name = from.c_str(), .shown = from});
    if (!wanted) throw Raced(from);
    // Who may replace what was decided by the comparison; here it only must not have become something else.
    bool same_type = found && type_of(found->status) == type_of(wanted->status);
    if (found && !same_type && !tree.force) throw Raced(spot.shown);
    Attributes attributes{.fallback = wanted->status.st_mode & 0777};
    struct stat made{};
    if (S_ISDIR(wanted->status.st_mode)) {
      if (same_type) continue;
      made = make_folder(spot, attributes, found ? &*found : nullptr);
    } else if (S_ISLNK(wanted->status.st_mode)) {
      made = make_link(spot, read_link({.name = from.c_str(), .shown = from}), attributes, found ? &*found : nullptr);
    } else {
      Bytes bytes(std::vector<std::string>{from});
      if (same_type) {
        found->file = open_file(spot);
        if (::fstat(found->file.get(), &found->status) != 0) throw Error::system(errno, "looking at " + spot.shown);
      }
      made = write_file(spot, bytes, attributes, found ? &*found : nullptr);
    }
    parents.forget();
    written(spot.shown, made.st_dev);
  }
}

}  // namespace mgmt::file
