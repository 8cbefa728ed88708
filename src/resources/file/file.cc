// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <string_view>
#include <utility>

#include "src/base/cause.h"
#include "src/base/path.h"
#include "src/events/inotify/file_watcher.h"
#include "src/resources/drafts.h"
#include "src/resources/file/compare.h"
#include "src/resources/file/describe.h"
#include "src/resources/file/folder.h"
#include "src/resources/file/inplace.h"
#include "src/resources/file/overwritten.h"
#include "src/resources/file/owner.h"
#include "src/resources/file/temporary.h"
#include "src/resources/file/tree.h"
#include "src/resources/file/undo.h"
#include "src/resources/file/validate.h"
#include "src/resources/secrets.h"
#include "src/resources/unsynced.h"
#include "src/resources/user_database.h"

namespace mgmt::file {
namespace {

constexpr std::uint64_t kUnknown = 0, kMissing = 1;

// One number for all that a stat shows of what we manage; a folder's times move with what others put in it.
std::uint64_t stamp_of(const struct stat& status) {
  std::uint64_t stamp = 0xcbf29ce484222325;
  auto mix = [&](auto number) {
    stamp = (stamp ^ static_cast<std::uint64_t>(number)) * 0x9e3779b97f4a7c15;
    stamp ^= stamp >> 32;
  };
  mix(status.st_dev);
  mix(status.st_ino);
  mix(status.st_mode);
  mix(std::uint64_t{status.st_uid} << 32 | status.st_gid);
  if (!S_ISDIR(status.st_mode)) {
    mix(status.st_size);
    mix(status.st_mtim.tv_sec);
    mix(status.st_mtim.tv_nsec);
    mix(status.st_ctim.tv_sec);
    mix(status.st_ctim.tv_nsec);
  }
  return std::max(stamp, kMissing + 1);
}

Attributes attributes_of(const Want& want) {
  Attributes attributes{.mode = want.mode ? &*want.mode : nullptr,
                        .fallback = want.type == Want::Type::Folder ? 0755U : 0644U};
  if (want.owner) attributes.owner = user_id(*want.owner);
  if (want.group) attributes.group = group_id(*want.group);
  return attributes;
}

const Change* change_of(const Delta& delta, std::string_view param) {
  for (const Change& change : delta.changes)
    if (change.item.empty() && change.param == param) return &change;
  return nullptr;
}

bool changes_attributes(const Delta& delta) {
  return change_of(delta, "mode") || change_of(delta, "owner") || change_of(delta, "group");
}

// With what goes for it.
Change state_change(const Spot& spot, const struct stat* in_the_way) {
  return {.param = "state",
          .before = in_the_way ? Value(type_word(in_the_way->st_mode)) : Value(),
          .after = Value("exists"),
          .removes = in_the_way ? count_removals(spot, Inside::Remove) : 0};
}

// The regular files that the fragments stand for, in their order.
std::vector<std::string> fragment_paths(const List& fragments) {
  std::vector<std::string> paths;
  for (const Value& value : fragments) {
    std::string path = clean_path(value.get<std::string>());
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) throw Error::system(errno, "reading the fragment " + path);
    if (!S_ISDIR(status.st_mode)) {
      paths.push_back(std::move(path));
      continue;
    }
    Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) throw Error::system(errno, "reading the fragments in " + path);
    for (const std::string& name : entries_of(folder.get(), path)) {
      std::string shown = join_path(path, name);
      std::optional<Found> found = look({.folder = folder.get(), .name = name.c_str(), .shown = shown});
      if (found && S_ISREG(found->status.st_mode) && !drafts::is_name(name)) paths.push_back(std::move(shown));
    }
  }
  return paths;
}

// A file that is made of itself grows without end; that a symlink or a mount makes it so shows only here. Of a hard
// link only the old file is a fragment, unless it is written into.
void refuse_own_fragment(const Want& want, const struct stat& now, const std::string& name) {
  if (!want.fragments || (now.st_nlink > 1 && !want.in_place)) return;
  for (const std::string& fragment : fragment_paths(*want.fragments)) {
    struct stat status{};
    if (::stat(fragment.c_str(), &status) != 0 || status.st_dev != now.st_dev || status.st_ino != now.st_ino) continue;
    throw Error(fmt::format("{} is its own fragment {}, by another path", name, fragment))
        .hint("a symlink or a mount on the way leads there");
  }
}

Bytes bytes_of(const Want& want) {
  if (want.content) return Bytes(*want.content);
  if (want.fragments) return Bytes(fragment_paths(*want.fragments));
  if (want.source) return Bytes(std::vector<std::string>{clean_path(*want.source)});
  return Bytes(std::string_view());
}

const char* type_word(Want::Type type) {
  return type == Want::Type::File ? "file" : type == Want::Type::Folder ? "folder" : "symlink";
}

Error in_the_way(const Spot& spot, const struct stat& status, const Want& want) {
  Want::Type wanted = want.type;
  std::string there = describe_type(status.st_mode);
  std::string hint = want.absent ? "`force: true` removes it"
                                 : fmt::format("`force: true` replaces it with the {}", type_word(wanted));
  if (S_ISLNK(status.st_mode)) {
    there += " to " + read_link(spot);
    if (wanted == Want::Type::File && !want.absent) hint = "`follow: true` writes to what it points to, " + hint;
    hint += ", or declare what it points to";
  }
  if (S_ISDIR(status.st_mode) && wanted == Want::Type::File) hint += "; a folder's path ends with a slash";
  return Error(fmt::format("{} is {}, not a {}", spot.shown, there, type_word(wanted))).hint(std::move(hint));
}

// Whether `status` is what is declared; Error if something else may not be replaced.
bool is_of_type(const Spot& spot, const struct stat& status, const Want& want) {
  mode_t expected = want.type == Want::Type::File ? S_IFREG : want.type == Want::Type::Folder ? S_IFDIR : S_IFLNK;
  if ((status.st_mode & S_IFMT) == expected) return true;
  if (!want.force) throw in_the_way(spot, status, want);
  return false;
}

void must_be_made(const Want& want, const Spot& spot) {
  if (!want.made) throw Error(spot.shown + " doesn't exist").hint("`state: exists` makes it");
}

// Of a new file nobody need see what is declared, except before it is made.
Text text_for(const Want& want, const std::string& path, const Attributes& attributes, const struct stat* now,
              const Inputs& inputs) {
  if (!inputs.want_text || (!now && !inputs.dry)) return Text::None;
  mode_t after = now ? mode_after(attributes, *now, Content::Changes)
                     : (attributes.mode ? attributes.mode->of(attributes.fallback, false) : attributes.fallback);
  return file::text_of(want.show_diff, path, now ? std::optional(now->st_mode) : std::nullopt, after);
}

Change validate_change(const List& words) {
  std::string text;
  for (const Value& word : words) text += (text.empty() ? "" : " ") + word.get<std::string>();
  return {.param = "validate", .after = Value(std::move(text))};
}

Tree tree_of(const Want& want, const std::string& path, const Inputs& inputs) {
  return {.path = path,
          .source = want.source ? clean_path(*want.source) : "",
          .purge = want.purge,
          .force = want.force,
          .show_diff = want.show_diff,
          .managed = inputs.managed.get()};
}

}  // namespace

FileResource::FileResource(std::shared_ptr<const Declaration> declaration, events::FileWatcher& files,
                           Unsynced& unsynced, Services* services)
    : BlockingResource(std::move(declaration)), files_(files), unsynced_(unsynced), services_(services) {
  std::string clean = clean_path(declared_path(*declaration_));
  if (clean != path()) own_path_ = std::move(clean);
}

const std::string& FileResource::path() const {
  if (!own_path_.empty()) return own_path_;
  const std::string* path = text_of(*declaration_, kPath);
  return path ? *path : declaration_->name;
}

namespace {

// Its number is what it is.
bool is_name(const std::string* owner) { return owner && owner->find_first_not_of("0123456789") != owner->npos; }

class Armed : public Subscription {
 public:
  explicit Armed(std::unique_ptr<events::FileWatcher::Watch> watch) : watch_(std::move(watch)) {}

 private:
  std::unique_ptr<events::FileWatcher::Watch> watch_;
};

}  // namespace

void FileResource::watch(Subscriptions& into, Notify notify) {
  using events::FileWatcher;
  Want want = want_of(*declaration_);
  auto arm = [&](const std::string& path, FileWatcher::Options options, FileWatcher::Call call) {
    into.push_back(std::make_unique<Armed>(files_.watch(path, options, std::move(call))));
  };
  arm(path(), {.recursive = want.has_tree(), .follow = want.follow}, [notify](FileWatcher::Event event) {
    using Event = FileWatcher::Event;
    if (has(event, Event::Way)) forget_grounds();
    notify(has(event, Event::Content) ? Look::Again : Look::Entry);
  });
  if (services_ && !want.absent && (is_name(want.owner) || is_name(want.group)))
    into.push_back(watch_user_database(*services_, [notify](Look look) {
      forget_names();
      notify(look);
    }));
  if (want.absent || want.type == Want::Type::Link) return;
  // A source is never our own echo.
  auto again = [notify](FileWatcher::Event) { notify(Look::Again); };
  if (want.source) arm(clean_path(*want.source), {.recursive = want.type == Want::Type::Folder, .follow = true}, again);
  if (want.fragments)
    for (const Value& fragment : *want.fragments)
      arm(clean_path(fragment.get<std::string>()), {.recursive = true, .follow = true}, again);
}

std::shared_ptr<const Process> FileResource::take_changer() { return files_.take_changer(path()); }

bool FileResource::is_own_echo() {
  if (stamp_ == kUnknown) return false;
  if (Want want = want_of(*declaration_); want.has_tree() || want.follow) return false;
  struct stat now{};
  if (::lstat(path().c_str(), &now) != 0) return errno == ENOENT && stamp_ == kMissing;
  return stamp_ == stamp_of(now);
}

void FileResource::remember(const struct stat& status) { stamp_ = stamp_of(status); }

void FileResource::written(const struct stat& status) {
  remember(status);
  unsynced_.add(path(), status.st_dev);
}

namespace {

// Calls it until nobody is faster; a few times, for two agents that disagree would go on for ever. What the system
// refuses gets its cause.
template <class Step>
auto undisturbed(const std::string& path, Step step) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    try {
      return step(attempt);
    } catch (const Raced&) {
      if (attempt == kAttempts) throw;
    } catch (Error& error) {
      throw with_cause(std::move(error), path);
    }
  }
}

}  // namespace

Delta FileResource::check(const Inputs& inputs) {
  if (!inputs.dry) sweep_dead_runs();
  Want want = want_of(*declaration_);
  return undisturbed(path(), [&](int /*attempt*/) { return check_once(want, inputs); });
}

// Where it is, for as long as this stands.
class FileResource::Stand {
 public:
  Stand(FileResource& resource, const Want& want)
      : resource_(resource), followed_(want.follow ? follow_links(resource.path()) : std::string()) {
    again();
    resource_.stand_ = this;
  }
  ~Stand() { resource_.stand_ = nullptr; }
  Stand(const Stand&) = delete;
  Stand& operator=(const Stand&) = delete;

  /// The way to it has changed.
  void again() { ground_.emplace(followed_.empty() ? resource_.path() : followed_); }
  const Ground& ground() const { return *ground_; }

 private:
  FileResource& resource_;
  std::string followed_;
  std::optional<Ground> ground_;
};

Spot FileResource::spot() const { return stand_->ground().spot(); }

void FileResource::allow(const struct stat* there, const Attributes& attributes) const {
  stand_->ground().allow(there, attributes.owner);
}

void FileResource::keep(const Spot& at, const Found& found, const std::string& sha256) const {
  if (keeper()) Overwritten(*keeper(), declaration_->id()).keep(at, found, sha256);
}

Declaration FileResource::undo() {
  Stand stand(*this, want_of(*declaration_));
  return undo_of(*declaration_, spot());
}

Delta FileResource::check_once(const Want& want, const Inputs& inputs) {
  stamp_ = kUnknown;
  Stand stand(*this, want);
  if (want.absent) return check_absent(want, inputs);
  switch (want.type) {
    case Want::Type::File: return check_file(want, inputs);
    case Want::Type::Folder: return check_folder(want, inputs);
    case Want::Type::Link: break;
  }
  return check_link(want);
}

Delta FileResource::check_absent(const Want& want, const Inputs& inputs) {
  Spot at = spot();
  std::optional<Found> found = look(at);
  if (!found) {
    stamp_ = kMissing;
    return {};
  }
  remember(found->status);
  // A link at a file's path goes as a file would: itself, never what it points to.
  bool goes = want.type == Want::Type::File ? !S_ISDIR(found->status.st_mode) : is_of_type(at, found->status, want);
  if (!goes && !want.force) throw in_the_way(at, found->status, want);
  std::uint64_t removes = 1;
  if (S_ISDIR(found->status.st_mode)) {
    bool with_all = want.recurse || !goes;
    removes = count_removals(at, with_all ? Inside::Remove : Inside::MustBeEmpty);
    bool in_the_way = !with_all && !is_empty_folder(at);
    // In a dry run nothing has been removed before it that a run would remove.
    if (in_the_way && inputs.dry) {
      Delta delta;
      delta.changes.push_back({.param = "state",
                               .before = Value("exists"),
                               .known = false,
                               .why = "the folder isn't empty now, and whether it will be shows in the run",
                               .removes = removes});
      return delta;
    }
    if (in_the_way)
      throw Error("the folder " + at.shown + " isn't empty").hint("`recurse: true` removes it with all that it holds");
  }
  Delta delta;
  delta.changes.push_back({.param = "state", .before = Value("exists"), .after = Value("absent"), .removes = removes});
  return delta;
}

Delta FileResource::check_file(const Want& want, const Inputs& inputs) {
  Spot at = spot();
  const std::string& name = at.shown;
  struct stat now{};
  Fd fd;
  bool there = false;
  if (want.has_content()) {
    // One system call tells of a missing file, and two of a file whose size differs.
    fd = Fd(::openat(at.folder, at.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    int failure = errno;
    if (fd) {
      if (::fstat(fd.get(), &now) != 0) throw Error::system(errno, "looking at " + name);
      there = true;
    } else if (failure != ENOENT && failure != ENOTDIR) {
      if (::fstatat(at.folder, at.name, &now, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(now.st_mode))
        throw Error::system(failure, "reading " + name);
      there = true;
    }
  } else if (std::optional<Found> found = look(at)) {
    now = found->status;
    there = true;
  }

  Delta delta;
  bool right_type = there && is_of_type(at, now, want);
  Attributes attributes = attributes_of(want);
  if (there || want.made) allow(there ? &now : nullptr, attributes);
  if (there) remember(now);
  if (!right_type) {
    must_be_made(want, at);
    delta.changes.reserve(3);
    delta.changes.push_back(state_change(at, there ? &now : nullptr));
  }
  Content content = Content::Stays;
  if (want.has_content()) {
    if (right_type) refuse_own_fragment(want, now, name);
    Bytes bytes = bytes_of(want);
    if (!right_type || now.st_size != bytes.size() || !same_bytes(fd.get(), bytes, name)) {
      content = Content::Changes;
      delta.changes.push_back(content_change(right_type ? fd.get() : -1, name, bytes,
                                             text_for(want, name, attributes, right_type ? &now : nullptr, inputs)));
      if (right_type) compare_losses(fd.get(), now, name, "", want.in_place, delta);
    }
  }
  compare_attributes(attributes, right_type ? &now : nullptr, content, "", delta);
  if (want.validate && content == Content::Changes) delta.changes.push_back(validate_change(*want.validate));
  return delta;
}

Delta FileResource::check_folder(const Want& want, const Inputs& inputs) {
  Spot at = spot();
  std::optional<Found> found = look(at);
  bool right_type = found && is_of_type(at, found->status, want);
  if (found || want.made) allow(found ? &found->status : nullptr, attributes_of(want));
  if (found) remember(found->status);
  Delta delta;
  if (!right_type) {
    must_be_made(want, at);
    delta.changes.push_back(state_change(at, found ? &found->status : nullptr));
  }
  compare_attributes(attributes_of(want), right_type ? &found->status : nullptr, Content::Stays, "", delta);
  if (!want.has_tree()) return delta;
  Tree tree = tree_of(want, path(), inputs);
  tree.at = &at;
  compare_tree(tree, inputs, delta);
  return delta;
}

Delta FileResource::check_link(const Want& want) {
  Spot at = spot();
  std::optional<Found> found = look(at);
  bool right_type = found && is_of_type(at, found->status, want);
  allow(found ? &found->status : nullptr, attributes_of(want));
  if (found) remember(found->status);
  Delta delta;
  if (!right_type) delta.changes.push_back(state_change(at, found ? &found->status : nullptr));
  std::string now = right_type ? read_link(at) : "";
  if (now != *want.source)
    delta.changes.push_back(
        {.param = "source", .before = right_type ? Value(std::move(now)) : Value(), .after = Value(*want.source)});
  compare_attributes(attributes_of(want), right_type ? &found->status : nullptr, Content::Stays, "", delta);
  return delta;
}

// A replaced file that waits for the data of others.
class FileResource::Waiting final : public Staged {
 public:
  Waiting(FileResource& resource, std::unique_ptr<Replacement> file, dev_t device, Inputs inputs)
      : Staged({.path = file->draft_path(), .device = device}),
        resource_(resource),
        file_(std::move(file)),
        inputs_(std::move(inputs)) {}

  void finish() override {
    try {
      resource_.written(file_->place());
    } catch (const Raced&) {
      file_.reset();
      resource_.apply(resource_.check(inputs_), inputs_);
    } catch (Error& error) {
      throw with_cause(std::move(error), resource_.path());
    }
  }

 private:
  FileResource& resource_;
  std::unique_ptr<Replacement> file_;
  Inputs inputs_;
};

void FileResource::apply(const Delta& delta, const Inputs& inputs) { enforce(delta, inputs, nullptr); }

std::unique_ptr<Staged> FileResource::stage(const Delta& delta, const Inputs& inputs) {
  std::unique_ptr<Staged> waiting;
  enforce(delta, inputs, &waiting);
  return waiting;
}

void FileResource::enforce(const Delta& delta, const Inputs& inputs, std::unique_ptr<Staged>* later) {
  Want want = want_of(*declaration_);
  undisturbed(path(), [&](int attempt) {
    if (attempt == 1) return apply_once(want, delta, inputs, later);
    Delta now = check_once(want, inputs);
    // What has been approved is what was found; a single thing in the way of a declared one is no matter.
    if (removals_of(now) > std::max<std::uint64_t>(removals_of(delta), 1))
      throw Error(fmt::format("more came to {} since it was checked: nothing more of it is removed", path()));
    apply_once(want, now, inputs, later);
  });
}

void FileResource::apply_once(const Want& want, const Delta& delta, const Inputs& inputs,
                              std::unique_ptr<Staged>* later) {
  if (delta.empty()) return;
  std::uint64_t checked = std::exchange(stamp_, kUnknown);
  Stand stand(*this, want);
  if (want.absent) return apply_absent(want, removals_of(delta));
  switch (want.type) {
    case Want::Type::File:
      if (auto status = apply_file(want, delta, checked, inputs, later)) written(*status);
      return;
    case Want::Type::Link: return written(apply_link(want, delta, checked));
    case Want::Type::Folder: break;
  }
  if (change_of(delta, "state") || changes_attributes(delta)) written(apply_folder(want, delta));
  if (!want.has_tree()) return;
  Fd root = open_folder(spot());
  if (std::uint64_t expected = stamp_ == kUnknown ? checked : stamp_; removals_of(delta) > 0) {
    // What was found to go lies in that folder, and not in one that has come in its place.
    struct stat now{};
    if (::fstat(root.get(), &now) != 0) throw Error::system(errno, "looking at " + path());
    if (stamp_of(now) != expected) throw Raced(path());
  }
  std::optional<Overwritten> overwritten;
  if (keeper()) overwritten.emplace(*keeper(), declaration_->id());
  Tree tree = tree_of(want, path(), inputs);
  tree.overwritten = overwritten ? &*overwritten : nullptr;
  apply_tree(tree, root.get(), delta, unsynced_);
}

void FileResource::apply_absent(const Want& want, std::uint64_t removes) {
  Spot at = spot();
  std::optional<Found> found = look(at);
  if (found) {
    bool folder = S_ISDIR(found->status.st_mode);
    if (folder && want.type == Want::Type::File && !want.force) throw Raced(at.shown);
    bool with_all = folder && (want.recurse || want.type != Want::Type::Folder);
    if (with_all && count_removals(at, Inside::Remove) > removes) throw Raced(at.shown);
    if (with_all || !folder) keep(at, *found);
    remove_entry(at, with_all ? Inside::Remove : Inside::MustBeEmpty);
    unsynced_.add(path(), found->status.st_dev);
  }
  stamp_ = kMissing;
}

namespace {

// What stands at the place, as the Delta says it does: none where something is to be made, else something.
std::optional<Found> found_as_said(const Spot& spot, const Change* state) {
  if (state && state->before.is_none()) return std::nullopt;
  std::optional<Found> found = look(spot);
  if (!found) throw Raced(spot.shown);
  return found;
}

const Found* pointer(const std::optional<Found>& found) { return found ? &*found : nullptr; }
const struct stat* status_in(const std::optional<Found>& found) { return found ? &found->status : nullptr; }

// The sum of the content that a check found, in hex.
std::string before_of(const Change& content) {
  const Map* map = content.before.get_if<Map>();
  const auto* sum = map && !map->empty() ? map->front().second.get_if<std::string>() : nullptr;
  return sum ? *sum : "";
}

bool written_between(const struct stat& before, const struct stat& after) {
  return before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
         before.st_mtim.tv_nsec != after.st_mtim.tv_nsec;
}

}  // namespace

// Where only attributes are to change, the rest must be as it was checked: what is left passes for right from then on,
// and a folder that is swapped for another brings another file without an event of its own.
std::optional<struct stat> FileResource::apply_file(const Want& want, const Delta& delta, std::uint64_t checked,
                                                    const Inputs& inputs, std::unique_ptr<Staged>* later) {
  Spot at = spot();
  const Change* state = change_of(delta, "state");
  std::optional<Found> found = found_as_said(at, state);
  if (!state) {
    if (!S_ISREG(found->status.st_mode)) throw Raced(at.shown);
    if (!change_of(delta, "content")) {
      allow(&found->status, attributes_of(want));
      if (want.has_content() && stamp_of(found->status) != checked) throw Raced(at.shown);
      struct stat left = change_attributes(at, attributes_of(want), *found);
      return want.has_content() && written_between(found->status, left) ? found->status : left;
    }
    found->file = open_file(at);
    if (::fstat(found->file.get(), &found->status) != 0) throw Error::system(errno, "looking at " + at.shown);
    if (!S_ISREG(found->status.st_mode)) throw Raced(at.shown);
    // Nothing goes unsaid.
    Delta losses;
    compare_losses(found->file.get(), found->status, at.shown, "", want.in_place, losses);
    compare_attributes(attributes_of(want), &found->status, Content::Changes, "", losses);
    for (const Change& loss : losses.changes)
      if (!change_of(delta, loss.param)) throw Raced(at.shown);
  }
  Attributes attributes = attributes_of(want);
  allow(status_in(found), attributes);
  Approve approve;
  if (want.validate)
    approve = [&, shows = shows(want, pointer(found))](const std::string& staged) {
      validate_staged(*want.validate, staged, at.shown, shows);
    };
  Bytes bytes = bytes_of(want);
  if (!found) return write_new_file(at, bytes, attributes, approve);
  bool as_checked = !state && stamp_of(found->status) == checked;
  keep(at, *found, as_checked ? before_of(*change_of(delta, "content")) : "");
  if (want.in_place && !state) {
    if (approve) {
      Fd file(::fcntl(found->file.get(), F_DUPFD_CLOEXEC, 0));
      Replacement(at, bytes, attributes, {.status = found->status, .file = std::move(file)}).ask(approve);
      bytes.rewind();
    }
    return write_in_place(at, bytes, attributes, *found);
  }
  dev_t device = found->status.st_dev;
  auto file = std::make_unique<Replacement>(at, bytes, attributes, std::move(*found));
  Unsynced::Before before = unsynced_.before_rename(path(), device);
  // What is borrowed for this call can't wait for others.
  bool can_wait = later && !approve && at.name == path().c_str();
  if (before == Unsynced::Before::Batch && can_wait) {
    file->wait();
    *later = std::make_unique<Waiting>(*this, std::move(file), device, inputs);
    return std::nullopt;
  }
  if (before == Unsynced::Before::Data) file->write_out();
  else if (before != Unsynced::Before::Nothing) file->sync();
  if (approve) file->ask(approve);
  return file->place();
}

Shows FileResource::shows(const Want& want, const Found* found) const {
  for (const Params::Item& item : declaration_->params.items())
    if (item.index == kContent && is_secret(*declaration_, item)) return Shows::Nothing;
  const struct stat* now = found && S_ISREG(found->status.st_mode) ? &found->status : nullptr;
  Text text = text_for(want, path(), attributes_of(want), now, {.want_text = true, .dry = true});
  return text == Text::All ? Shows::All : Shows::Masked;
}

struct stat FileResource::apply_folder(const Want& want, const Delta& delta) {
  Spot at = spot();
  const Change* state = change_of(delta, "state");
  std::optional<Found> found = found_as_said(at, state);
  if (want.recurse && !found) {
    make_parents();
    stand_->again();
    at = spot();
  }
  allow(status_in(found), attributes_of(want));
  if (!state) {
    if (!S_ISDIR(found->status.st_mode)) throw Raced(at.shown);
    return change_attributes(at, attributes_of(want), *found);
  }
  if (found) keep(at, *found);
  return make_folder(at, attributes_of(want), pointer(found));
}

struct stat FileResource::apply_link(const Want& want, const Delta& delta, std::uint64_t checked) {
  Spot at = spot();
  const Change* state = change_of(delta, "state");
  std::optional<Found> found = found_as_said(at, state);
  if (!state && !S_ISLNK(found->status.st_mode)) throw Raced(at.shown);
  allow(status_in(found), attributes_of(want));
  if (!state && !change_of(delta, "source")) {
    if (stamp_of(found->status) != checked) throw Raced(at.shown);
    return change_attributes(at, attributes_of(want), *found);
  }
  if (found) keep(at, *found);
  return make_link(at, *want.source, attributes_of(want), pointer(found));
}

void FileResource::make_parents() {
  std::vector<std::string> missing;
  for (std::string folder = parent_path(path()); folder != "/"; folder = parent_path(folder)) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) == 0) break;
    if (errno != ENOENT) throw Error::system(errno, "looking at " + folder);
    missing.push_back(folder);
  }
  for (const std::string& folder : missing | std::views::reverse) {
    Ground ground(folder);
    ground.allow(nullptr, kAsFound);
    struct stat made = make_folder(ground.spot(), {.fallback = 0755}, nullptr);
    unsynced_.add(folder, made.st_dev);
  }
}

}  // namespace mgmt::file
