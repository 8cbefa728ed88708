// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/file/docs.h"
#include "src/resources/file/file.h"
#include "src/resources/file/found.h"
#include "src/resources/file/owner.h"
#include "src/resources/file/params.h"
#include "src/resources/file/undo.h"
#include "src/resources/file/validate.h"
#include "src/resources/kind.h"

namespace mgmt {
namespace file {
namespace {

// One declaration under the rules: what is wrong is said at the parameter it is about.
struct Rules {
  const Declaration& declaration;
  Diagnostics& diagnostics;

  SourcePos at(ParamIndex index) const { return declaration.params.pos_or(index, declaration.pos); }
  bool set(ParamIndex index) const {
    const Params::Item* item = declaration.params.find_item(index);
    if (!item) return false;
    if (const auto* flag = item->value.get_if<bool>()) return *flag;
    if (const auto* list = item->value.get_if<List>()) return !list->empty();
    // A file with nothing in it is declared by an empty content.
    return index == kContent || !item->value.get<std::string>().empty();
  }
  SourcePos item_at(ParamIndex index, std::size_t n) const {
    return declaration.params.item_pos(index, n, declaration.pos);
  }
  void error(ParamIndex index, std::string text, std::string hint = {}) const {
    diagnostics.error(at(index), std::move(text), std::move(hint));
  }
  // The two can't stand together; said at the first.
  void exclude(ParamIndex index, ParamIndex other, const char* why) const {
    if (set(index) && set(other))
      error(index, fmt::format("`{}` doesn't go with `{}`: {}", kParams[index].name, kParams[other].name, why));
  }

  bool check_absolute(ParamIndex index, std::string_view path, std::string_view what) const {
    return check_absolute(at(index), index, path, what);
  }
  bool check_absolute(SourcePos pos, ParamIndex index, std::string_view path, std::string_view what) const {
    if (path.contains('\0'))
      return diagnostics.error(pos, fmt::format("{} `{}` holds a NUL byte", what, printable(path))), false;
    if (path.starts_with('/')) return true;
    std::string hint = path.starts_with('~') ? "`~` is the shell's: write the home folder out"
                       : index == kSource    ? "a relative one is beside the graph's file, if the graph is one"
                                             : "a path begins with `/`";
    diagnostics.error(pos, fmt::format("{} `{}` is not absolute", what, printable(path)), std::move(hint));
    return false;
  }

  void path() const {
    const std::string* dirname = text_of(declaration, kDirname);
    if (dirname && !dirname->ends_with('/'))
      error(kDirname, fmt::format("`dirname` must end with a slash, and `{}` doesn't", printable(*dirname)));
    const std::string* basename = text_of(declaration, kBasename);
    if (basename && basename->starts_with('/')) error(kBasename, "`basename` must not begin with a slash");
    ParamIndex index = dirname ? kDirname : kPath;
    std::string path = declared_path(declaration);
    if (!check_absolute(index, path,
                        text_of(declaration, kPath) || dirname ? "the path" : "the name, which is the path,"))
      return;
    if (clean_path(path) == "/" && !path.ends_with('/')) error(index, "the path is `/`, which is a folder");
    if (clean_path(path) == "/" && want_of(declaration).absent) error(kState, "`/` can't be removed");
  }

  void content() const {
    exclude(kSource, kContent, "only one of them says what the file holds");
    exclude(kFragments, kContent, "only one of them says what the file holds");
    exclude(kFragments, kSource, "only one of them says what the file holds");
    if (!want_of(declaration).absent) return;
    // The graphs of 2016 write both, in their demonstration of an absent file.
    if (set(kContent)) diagnostics.note(at(kContent), "`content` has no effect with `state: absent`");
    for (ParamIndex index : {kSource, kFragments})
      if (set(index)) error(index, fmt::format("`{}` doesn't go with `state: absent`", kParams[index].name));
  }

  void symlink() const {
    if (!set(kSymlink)) return;
    if (!set(kSource) && !want_of(declaration).absent) error(kSymlink, "a symlink needs a `source`: what it points to");
    for (ParamIndex index : {kContent, kFragments, kRecurse, kPurge})
      exclude(index, kSymlink, "a symlink holds only the path that it points to");
    exclude(kMode, kSymlink, "a symlink has no mode of its own");
    if (is_folder_path(declaration)) error(kSymlink, "the path of a symlink must not end with a slash");
    if (const std::string* source = text_of(declaration, kSource); source && source->contains('\0'))
      error(kSource, "`source` holds a NUL byte");
  }

  void source() const {
    const std::string* source = text_of(declaration, kSource);
    if (!source || set(kSymlink)) return;
    if (!check_absolute(kSource, *source, "`source`")) return;
    bool tree = source->ends_with('/');
    if (tree != is_folder_path(declaration)) {
      error(kSource, tree ? "`source` is a folder, and the path is not" : "the path is a folder, and `source` is not",
            "both end with a slash, or none does");
    } else if (tree && !set(kRecurse)) {
      error(kSource, "to copy a folder, set `recurse: true`");
    } else if (!tree && set(kRecurse)) {
      error(kRecurse, "`recurse` is for folders, and `source` is a file");
    }
    std::string from = clean_path(*source), to = clean_path(declared_path(declaration));
    if (from == to) error(kSource, "`source` is the path itself");
    else if (tree && (is_within(from, to) || is_within(to, from)))
      error(kSource, "`source` and the path lie within each other");
  }

  void folder() const {
    if (!is_folder_path(declaration)) {
      if (set(kPurge)) error(kPurge, "`purge` is for folders", "a folder's path ends with a slash");
      return;
    }
    for (ParamIndex index : {kContent, kFragments})
      if (set(index))
        error(index, fmt::format("`{}` is for files, and the path ends with a slash", kParams[index].name));
    if (set(kPurge) && !set(kRecurse)) error(kPurge, "`purge` needs `recurse: true`");
  }

  void fragments() const {
    const List* fragments = declaration.params.find<List>(kFragments);
    if (!fragments) return;
    exclude(kPurge, kFragments, "a file holds nothing to purge");
    std::string path = clean_path(declared_path(declaration));
    for (std::size_t i = 0; i < fragments->size(); ++i) {
      const std::string& from = (*fragments)[i].get<std::string>();
      SourcePos pos = item_at(kFragments, i);
      if (!check_absolute(pos, kFragments, from, "the fragment")) continue;
      if (is_within(path, clean_path(from)))
        diagnostics.error(pos, fmt::format("the path lies in its own fragment `{}`", printable(from)));
    }
  }

  // What is about how the content of a file is written.
  void writing() const {
    Want want = want_of(declaration);
    bool file = want.type == Want::Type::File && !want.absent;
    for (ParamIndex index : {kFollow, kWrite, kValidate})
      if (set(index) && !file) error(index, fmt::format("`{}` is for files that are to be there", kParams[index].name));
    if (!set(kValidate) || !file) return;
    if (!want.has_content()) error(kValidate, "`validate` is for files whose content is declared");
    const List& words = *want.validate;
    if (words.front().get<std::string>().empty()) error(kValidate, "the first word, the command, is empty");
    if (std::ranges::none_of(words, [](const Value& word) { return names_staged_file(word.get<std::string>()); }))
      error(kValidate, "no word names the file that is to be looked at", "`%` stands for its path");
    for (std::size_t i = 0; i < words.size(); ++i)
      if (words[i].get<std::string>().contains('\0'))
        diagnostics.error(item_at(kValidate, i), "a word holds a NUL byte");
  }

  void mode() const {
    const std::string* text = text_of(declaration, kMode);
    Result<Mode> mode = text ? Mode::parse(*text) : Result<Mode>(Mode());
    std::optional<mode_t> bits = mode ? mode->absolute() : std::nullopt;
    if (!text || !bits) return;
    mode_t owner = *bits >> 6 & 7, others = (*bits >> 3 | *bits) & 7;
    if (others & ~owner)
      diagnostics.warning(at(kMode), fmt::format("mode {} gives the owner less than others", octal(*bits)),
                          "an octal mode has a digit each for owner, group and others: 0644");
  }
};

void validate(const Declaration& declaration, Diagnostics& diagnostics) {
  Rules rules{declaration, diagnostics};
  rules.path();
  rules.content();
  rules.symlink();
  rules.source();
  if (!rules.set(kSymlink)) rules.folder();
  rules.fragments();
  rules.writing();
  rules.mode();
}

std::optional<std::string> managed_path(const Declaration& declaration) {
  return clean_path(declared_path(declaration));
}

// The parameters that only say where it is don't count.
bool same_at_path(const Declaration& a, const Declaration& b) {
  auto rest_of = [](const Declaration& declaration) {
    Params rest;
    for (const Params::Item& item : declaration.params.items())
      if (item.index != kPath && item.index != kDirname && item.index != kBasename)
        rest.set(item.index, item.value, {});
    return rest;
  };
  return is_folder_path(a) == is_folder_path(b) && rest_of(a) == rest_of(b);
}

bool views_managed_paths(const Declaration& declaration) { return want_of(declaration).has_tree(); }

bool removes_path(const Declaration& declaration) { return want_of(declaration).absent; }

std::uint64_t may_remove(const Declaration& declaration) {
  Want want = want_of(declaration);
  if (want.force || want.purge || (want.absent && want.recurse)) return Kind::kMany;
  return want.absent ? 1 : 0;
}

void needs(const Declaration& declaration, std::vector<Need>& into) {
  Want want = want_of(declaration);
  into.push_back({.name = parent_path(clean_path(declared_path(declaration))), .why = "its parent folder"});
  if (want.absent) return;
  if (want.source && want.source->starts_with('/'))
    into.push_back({.what = want.type == Want::Type::Folder ? Need::What::Tree : Need::What::Path,
                    .name = clean_path(*want.source),
                    .why = "its source"});
  if (!want.fragments) return;
  for (const Value& fragment : *want.fragments)
    into.push_back(
        {.what = Need::What::Tree, .name = clean_path(fragment.get<std::string>()), .why = "one of its fragments"});
}

void collect_into(Declaration& declaration, const std::string& pattern) {
  if (want_of(declaration).validate) throw Error("its `validate` is a command, and comes from another host");
  if (pattern.empty()) return;
  if (want_of(declaration).follow) throw Error("with `follow` it could leave the folder " + printable(pattern));
  if (!pattern.starts_with('/'))
    throw Error(fmt::format("the pattern `{}` is not absolute", printable(pattern)))
        .hint("it is the folder that the files go to");
  // What another host sent is no reason to write anywhere but in that folder, so the text counts, not what it comes to.
  const std::string* basename = text_of(declaration, kBasename);
  std::string path = declared_path(declaration);
  std::string_view name = basename ? std::string_view(*basename) : std::string_view(path);
  bool folder = name.ends_with('/');
  while (name.ends_with('/')) name.remove_suffix(1);
  if (!basename) name = name.substr(name.rfind('/') + 1);
  if (name.empty() || name == "." || name == ".." || name.contains('/') || name.contains('\0'))
    throw Error(fmt::format("the name `{}` would leave the folder {}", printable(name), printable(pattern)));
  std::string into = join_path(pattern, "");
  SourcePos pos = declaration.pos;
  declaration.params.set(kPath, Value(into + std::string(name) + (folder ? "/" : "")), pos);
  if (declaration.params.has(kDirname)) declaration.params.set(kDirname, Value(into), pos);
}

// The text of a symlink is as it is written, and what begins with ~ was not meant to be relative.
void beside_graph(Declaration& declaration, const std::string& folder) {
  const std::string* source = text_of(declaration, kSource);
  if (!source || source->starts_with('/') || source->starts_with('~')) return;
  if (want_of(declaration).type == Want::Type::Link || declaration.params.find_item(kSource)->secret) return;
  bool tree = source->ends_with('/') || *source == "." || *source == "..";
  std::string path = clean_path(join_path(folder, *source)) + (tree ? "/" : "");
  declaration.params.set(kSource, Value(std::move(path)), declaration.params.pos_or(kSource, declaration.pos));
}

std::string needs_root(const Declaration& declaration) {
  Want want = want_of(declaration);
  if (want.owner && !is_own_user(*want.owner)) return "owner " + printable(*want.owner);
  if (want.group && !is_own_group(*want.group)) return "group " + printable(*want.group);
  return "";
}

std::unique_ptr<Resource> create(std::shared_ptr<const Declaration> declaration, Services& services) {
  return std::make_unique<FileResource>(std::move(declaration), services.files, services.unsynced, &services);
}

}  // namespace
}  // namespace file

extern const Kind kFileKind;
const Kind kFileKind = {
    .name = "file",
    .summary = "A file, folder or symlink: its content, owner and permissions.",
    .params = file::kParams,
    .doc = file_docs::kDoc,
    .example = file_docs::kExample,
    .validate = file::validate,
    .managed_path = file::managed_path,
    .same_at_path = file::same_at_path,
    .views_managed_paths = file::views_managed_paths,
    .collect_into = file::collect_into,
    .beside_graph = file::beside_graph,
    .removes_path = file::removes_path,
    .may_remove = file::may_remove,
    .needs = file::needs,
    .needs_root = file::needs_root,
    .found = file::found,
    .cannot_undo = file::cannot_undo,
    .create = file::create,
};

}  // namespace mgmt
