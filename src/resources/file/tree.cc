// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "src/base/path.h"
#include "src/resources/drafts.h"
#include "src/resources/file/compare.h"
#include "src/resources/file/describe.h"
#include "src/resources/file/folder.h"
#include "src/resources/file/overlap.h"
#include "src/resources/file/write.h"

namespace mgmt::file {
namespace {

mode_t type_of(const struct stat& status) { return status.st_mode & S_IFMT; }

std::string below(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

class Comparison {
 public:
  Comparison(const Tree& tree, const Inputs& inputs, Delta& delta)
      : tree_(tree), inputs_(inputs), delta_(delta), others_(tree.managed) {}

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
    Spot spot = tree_.at ? *tree_.at : Spot{.name = tree_.path.c_str(), .shown = tree_.path};
    if (std::optional<Found> found = look(spot); found && S_ISDIR(found->status.st_mode)) target = open_folder(spot);
    target_exists_ = target.get() >= 0;
    struct stat home{};
    if ((target_exists_ ? ::fstat(target.get(), &home) : ::stat(parent_path(tree_.path).c_str(), &home)) == 0)
      home_ = home;
    if (source && target_exists_) refuse_source_inside(source.get());
    folder(source.get(), target.get(), "", Mounts::Stay);
    delta_.changes.insert(delta_.changes.end(), std::make_move_iterator(removals_.begin()),
                          std::make_move_iterator(removals_.end()));
  }

 private:
  // `source` and `target` are open folders, or -1 where there is none. Mounts::Cross: the target's is another mount.
  void folder(int source, int target, const std::string& item, Mounts mounts) {
    std::optional<Overlap::Inside> inside;
    if (!item.empty()) inside.emplace(others_, join_path(tree_.path, item));
    std::vector<std::string> wanted;
    if (source >= 0) {
      refuse_home(source, item);
      wanted = entries_of(source, join_path(tree_.source, item));
    }
    std::erase_if(wanted, [](const std::string& name) { return drafts::is_name(name); });
    for (const std::string& name : wanted) entry(source, target, name, below(item, name), mounts);
    // What another resource puts there isn't known here.
    if (!tree_.purge || target < 0 || !tree_.managed || others_.inside_another()) return;
    for (const std::string& name : entries_of(target, join_path(tree_.path, item)))
      if (!std::ranges::binary_search(wanted, name) && !drafts::is_name(name))
        purge(target, name, below(item, name), mounts);
  }

  // What is copied into itself grows without end; that a symlink or a mount makes it so shows only here.
  void refuse_home(int source, const std::string& item) const {
    struct stat from{};
    if ((item.empty() && target_exists_) || ::fstat(source, &from) != 0 || !is_home(from)) return;
    throw Error(fmt::format("{}/ lies in its own source {}/, by another path", tree_.path, tree_.source))
        .hint("a symlink or a mount on the way leads there");
  }

  // A purge would take its own source for what is too much.
  void refuse_source_inside(int source) const {
    struct stat below{}, above{};
    if (::fstat(source, &below) != 0) return;
    for (Fd at(::openat(source, "..", O_PATH | O_DIRECTORY | O_CLOEXEC)); at && ::fstat(at.get(), &above) == 0;
         at = Fd(::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC))) {
      if (above.st_dev == below.st_dev && above.st_ino == below.st_ino) return;  // the root
      if (is_home(above))
        throw Error(fmt::format("the source {}/ lies in {}/ itself, by another path", tree_.source, tree_.path))
            .hint("a symlink or a mount on the way leads there");
      below = above;
    }
  }

  bool is_home(const struct stat& status) const {
    return home_ && status.st_dev == home_->st_dev && status.st_ino == home_->st_ino;
  }

  void entry(int source, int target, const std::string& name, const std::string& item, Mounts mounts) {
    std::string from = join_path(tree_.source, item);
    std::optional<Found> wanted = look({.folder = source, .name = name.c_str(), .shown = from});
    if (!wanted) throw Raced(from);
    bool is_folder = S_ISDIR(wanted->status.st_mode);
    if (!is_folder && !S_ISREG(wanted->status.st_mode) && !S_ISLNK(wanted->status.st_mode))
      throw Error(fmt::format("{} is {}, and can't be copied", from, describe_type(wanted->status.st_mode)));
    // A file that a resource of its own declares is that one's.
    if (!is_folder && is_managed(item)) return;

    Spot spot{.folder = target, .name = name.c_str(), .shown = join_path(tree_.path, item)};
    others_.check(spot.shown, wanted->status.st_mode);
    std::optional<Found> found;
    if (target >= 0) found = look(spot);
    bool same_type = found && type_of(found->status) == type_of(wanted->status);
    if (found && !same_type && !tree_.force)
      throw Error(fmt::format("{} is {}, and the source has {} there", spot.shown, describe_type(found->status.st_mode),
                              describe_type(wanted->status.st_mode)))
          .hint("`force: true` replaces it");
    std::uint64_t goes = found && !same_type ? count_removals(spot, Inside::Remove) : 0;
    std::size_t at = delta_.changes.size();

    if (is_folder) {
      if (!same_type) add("state", item, found ? Value(type_word(found->status.st_mode)) : Value(), Value("exists"));
      if (goes > 0) delta_.changes[at].removes = goes;
      Fd inner = open_folder({.folder = source, .name = name.c_str(), .shown = from});
      Fd there;
      Mounts mounts_there = mounts;
      if (same_type) there = open_target(spot, mounts_there);
      return folder(inner.get(), there.get(), item, mounts_there);
    }
    if (S_ISLNK(wanted->status.st_mode)) {
      std::string points_to = read_link({.folder = source, .name = name.c_str(), .shown = from});
      std::string now = same_type ? read_link(spot) : "";
      if (now != points_to) add("source", item, same_type ? Value(now) : Value(), Value(points_to));
    } else {
      file(from, spot, item, same_type, wanted->status.st_mode & 0777);
    }
    if (goes > 0) delta_.changes[at].removes = goes;
  }

  // A purge stays on the mount that the tree is on; what is copied may go on into another.
  static Fd open_target(const Spot& spot, Mounts& mounts) {
    if (mounts == Mounts::Stay) {
      try {
        return open_below(spot.folder, spot.name, spot.shown, Mounts::Stay);
      } catch (const OtherMount&) {
        mounts = Mounts::Cross;
      }
    }
    return open_below(spot.folder, spot.name, spot.shown, Mounts::Cross);
  }

  // `mode` is what it gets if it isn't there.
  void file(const std::string& from, const Spot& spot, const std::string& item, bool there, mode_t mode) {
    Bytes bytes(std::vector<std::string>{from});
    Fd now;
    struct stat status{};
    if (there) {
      now = open_file(spot);
      if (::fstat(now.get(), &status) != 0) throw Error::system(errno, "looking at " + spot.shown);
      if (status.st_size == bytes.size() && same_bytes(now.get(), bytes, spot.shown)) return;
    }
    Text text = Text::None;
    if (inputs_.want_text && (there || inputs_.dry))
      text = there ? text_of(tree_.show_diff, spot.shown, status.st_mode, status.st_mode)
                   : text_of(tree_.show_diff, spot.shown, std::nullopt, mode);
    Change& change = delta_.changes.emplace_back(content_change(now.get(), spot.shown, bytes, text));
    change.item = item;
    if (!there) return;
    compare_losses(now.get(), status, spot.shown, item, false, delta_);
    compare_attributes({}, &status, Content::Changes, item, delta_);
  }

  void purge(int target, const std::string& name, const std::string& item, Mounts mounts) {
    Spot spot{.folder = target, .name = name.c_str(), .shown = join_path(tree_.path, item)};
    if (is_managed(item)) return;
    if (mounts == Mounts::Cross)
      throw Error(fmt::format("{} is on another mount than {}/, and a purge doesn't go there", spot.shown, tree_.path))
          .hint("declare the folder that is mounted there by itself, or unmount it");
    if (others_.is_declared_below(spot.shown)) {
      Fd inner = open_below(target, name, spot.shown, Mounts::Stay);
      return folder(-1, inner.get(), item, mounts);
    }
    removals_.push_back(Change{.param = "state",
                               .item = item,
                               .before = Value("exists"),
                               .after = Value("absent"),
                               .removes = count_removals(spot, Inside::Remove)});
  }

  bool is_managed(const std::string& item) const { return others_.is_declared(join_path(tree_.path, item)); }
  void add(const char* param, const std::string& item, Value before, Value after) {
    delta_.changes.push_back(
        Change{.param = param, .item = item, .before = std::move(before), .after = std::move(after)});
  }

  const Tree& tree_;
  const Inputs& inputs_;
  Delta& delta_;
  Overlap others_;
  std::vector<Change> removals_;
  /// The target; where it is missing, the folder that it is to be made in.
  std::optional<struct stat> home_;
  bool target_exists_ = false;
};

}  // namespace

void compare_tree(const Tree& tree, const Inputs& inputs, Delta& delta) { Comparison(tree, inputs, delta).run(); }

namespace {

// The folder of the last change, so that a folder of many is opened once.
class Parents {
 public:
  Parents(const Tree& tree, int root) : tree_(tree), root_(root) {}

  int of(const std::string& item, Mounts mounts) {
    std::size_t slash = item.rfind('/');
    std::string folder = slash == std::string::npos ? "" : item.substr(0, slash);
    if (folder.empty()) return root_;
    if (!last_ || folder != name_ || mounts != mounts_) {
      last_ = open_below(root_, folder, join_path(tree_.path, folder), mounts);
      name_ = folder;
      mounts_ = mounts;
    }
    return last_.get();
  }
  void forget() { last_.reset(); }

 private:
  const Tree& tree_;
  int root_;
  Fd last_;
  std::string name_;
  Mounts mounts_ = Mounts::Stay;
};

// Files that replace others, whole but for their places, until there are enough to sync them together.
class Waiting {
 public:
  explicit Waiting(Unsynced& unsynced) : unsynced_(unsynced) {}

  void replace(const Spot& spot, Bytes& bytes, const Attributes& attributes, Found found) {
    dev_t device = found.status.st_dev;
    // The folder's descriptor is for the next entry; a file that waits has its own.
    auto one = std::make_unique<One>(Fd(::fcntl(spot.folder, F_DUPFD_CLOEXEC, 0)), std::string(spot.name), spot.shown);
    if (!one->folder) throw Error::system(errno, "opening the folder of " + spot.shown);
    one->file =
        std::make_unique<Replacement>(Spot{.folder = one->folder.get(), .name = one->name.c_str(), .shown = spot.shown},
                                      bytes, attributes, std::move(found));
    Unsynced::Before before = unsynced_.before_rename(spot.shown, device);
    if (before != Unsynced::Before::Batch) {
      if (before == Unsynced::Before::Sync) one->file->sync();
      else if (before == Unsynced::Before::Data) one->file->write_out();
      return place(*one);
    }
    one->file->wait();
    data_.push_back({.path = one->file->draft_path(), .device = device});
    files_.push_back(std::move(one));
    constexpr std::size_t kMost = 512;  // each holds a descriptor
    if (files_.size() >= kMost) place_all();
  }

  void place_all() {
    for (const auto& error : Unsynced::sync_data(data_))
      if (error) throw Error(*error);
    for (const auto& one : files_) place(*one);
    files_.clear();
    data_.clear();
  }

 private:
  struct One {
    Fd folder;
    std::string name;
    std::string shown;
    std::unique_ptr<Replacement> file = nullptr;
  };

  void place(const One& one) { unsynced_.add(one.shown, one.file->place().st_dev); }

  Unsynced& unsynced_;
  std::vector<std::unique_ptr<One>> files_;
  std::vector<Unsynced::Data> data_;
};

bool says(const Delta& delta, const Change& change) {
  return std::ranges::any_of(delta.changes,
                             [&](const Change& c) { return c.param == change.param && c.item == change.item; });
}

}  // namespace

void apply_tree(const Tree& tree, int root, const Delta& delta, Unsynced& unsynced) {
  Parents parents(tree, root);
  Waiting waiting(unsynced);
  for (const Change& change : delta.changes) {
    // What else there is of an item follows from its content.
    if (change.item.empty() || (change.param != "state" && change.param != "content" && change.param != "source"))
      continue;
    std::string name = base_name(change.item);
    const auto* after = change.after.get_if<std::string>();
    bool goes = change.param == "state" && after && *after == "absent";
    Spot spot{.folder = parents.of(change.item, goes ? Mounts::Stay : Mounts::Cross),
              .name = name.c_str(),
              .shown = join_path(tree.path, change.item)};
    std::optional<Found> found = look(spot);
    // No more than was found.
    if (found && change.removes > 0 && count_removals(spot, Inside::Remove) > change.removes) throw Raced(spot.shown);
    if (goes) {
      waiting.place_all();
      if (!found) continue;
      dev_t device = found->status.st_dev;
      if (tree.overwritten) tree.overwritten->keep(spot, *found);
      remove_entry(spot, Inside::Remove);
      parents.forget();
      unsynced.add(spot.shown, device);
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
    if (found && !same_type && tree.overwritten) tree.overwritten->keep(spot, *found);
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
        Delta losses;
        compare_losses(found->file.get(), found->status, spot.shown, change.item, false, losses);
        compare_attributes({}, &found->status, Content::Changes, change.item, losses);
        for (const Change& loss : losses.changes)
          if (!says(delta, loss)) throw Raced(spot.shown);
        if (tree.overwritten) tree.overwritten->keep(spot, *found);
      }
      if (found) {
        waiting.replace(spot, bytes, attributes, std::move(*found));
        parents.forget();
        continue;
      }
      made = write_new_file(spot, bytes, attributes);
    }
    parents.forget();
    unsynced.add(spot.shown, made.st_dev);
  }
  waiting.place_all();
}

}  // namespace mgmt::file
