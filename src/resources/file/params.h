// SPDX-License-Identifier: GPL-3.0-or-later
// The parameters of the kind file, and what a declaration's parameters come to.
#pragma once

#include <optional>
#include <string>

#include "src/resources/declaration.h"
#include "src/resources/file/mode.h"
#include "src/value/param.h"

namespace mgmt::file {

inline constexpr Type kStrList = list_of(kStr);

inline constexpr Param kParams[] = {
    {.name = "path",
     .type = kStr,
     .doc = "Where the file is: an absolute path. With a slash at its end it is a folder.",
     .default_text = "the name"},
    {.name = "dirname",
     .type = kStr,
     .doc = "Replaces the folder part of the path; absolute, with a slash at its end.",
     .default_text = "the path's folder"},
    {.name = "basename",
     .type = kStr,
     .doc = "Replaces the last part of the path; a slash at its end makes it a folder.",
     .default_text = "the path's last part"},
    {.name = "state",
     .type = kStr,
     .doc =
         "Whether it is to be there. `absent` removes it: a folder only if it is empty, or with `recurse`. Left out, "
         "what has `content`, `source` or `fragments` is made, and anything else must be there already.",
     .values = {{"exists", "absent"}}},
    {.name = "content", .type = kStr, .doc = "All that the file is to hold.", .receives = true},
    {.name = "source",
     .type = kStr,
     .doc = "Copied to the path: the path of a file, or, with a slash at its end, of a folder with all that it holds "
            "(needs `recurse`). A relative one is beside the graph's file. What the folder at the path holds beside "
            "that stays, unless `purge` is set. With "
            "`symlink`, the text of the link, which may be relative."},
    {.name = "fragments",
     .type = kStrList,
     .doc = "Absolute paths of files; the file is to hold their contents, one after the other. A folder stands for the "
            "regular files in it, by name."},
    {.name = "owner",
     .type = kStr,
     .doc = "The user that it belongs to, by name or number. Of a tree, only the folder at the path.",
     .default_text = "stays as found; new: the user that mgmt runs as"},
    {.name = "group",
     .type = kStr,
     .doc = "The group that it belongs to, by name or number. Of a tree, only the folder at the path.",
     .default_text = "stays as found"},
    {.name = "mode",
     .type = kStr,
     .doc = "The permissions: octal (`0644`, `644`, `0o644`), or symbolic: `u=rw,go=r` sets them, `g+w,o-x` changes "
            "the ones that are there. Letters are `r w x X s t`; without `u`, `g`, `o` or `a` it means all, whatever "
            "the umask. Of a tree, only the folder at the path; copies take their source's.",
     .default_text = "stays as found; new: 0644, a folder 0755, whatever the umask",
     .canonical = canonical_mode},
    {.name = "recurse",
     .type = kBool,
     .doc = "For folders: makes parents that are missing, copies a `source` tree, and lets `absent` remove a folder "
            "with all that it holds (never across a mount).",
     .default_text = "false"},
    {.name = "force",
     .type = kBool,
     .doc = "Replaces what stands in the way and is of another type (a folder where a file is declared, a symlink, "
            "…), with all that it holds. Lets `purge` empty a folder whose `source` is empty or missing.",
     .default_text = "false"},
    {.name = "purge",
     .type = kBool,
     .doc = "Removes what the folder holds and `source` doesn't; without `source`, all. What another file resource of "
            "the graph manages, and the folders on the way to it, stay. Needs `recurse`.",
     .default_text = "false"},
    {.name = "symlink", .type = kBool, .doc = "The path is a symlink to `source`.", .default_text = "false"},
    {.name = "follow",
     .type = kBool,
     .doc = "Where a symlink is at the path of a file, what it leads to is the file; the link stays.",
     .default_text = "false: a symlink there is an error"},
    {.name = "write",
     .type = kStr,
     .doc = "How other content gets into a file that is there. `rename` puts a whole new file in its place. `inplace` "
            "writes into the old one, for what can't be renamed over (a mount point, as a container's `/etc/hosts` "
            "is): who reads it meanwhile sees a part of each, and after a crash that is what stays.",
     .default_text = "rename",
     .values = {{"rename", "inplace"}}},
    {.name = "validate",
     .type = kStrList,
     .doc = "A command, word by word (there is no shell), that is run before other content takes its place: `%` in a "
            "word is the path of the new file (`%%` is a percent sign). If it fails, or takes longer than 60 seconds, "
            "the old file stays, and the error shows what it printed. It runs as mgmt does, and not in a dry run."},
    {.name = "show_diff",
     .type = kBool,
     .doc = "Whether differences of the content are shown, and kept in the history. Left out, they are if everybody "
            "may read the file both as found and as declared; of others, the sizes and numbers of lines are."},
};

constexpr ParamIndex kPath = param_index(kParams, "path");
constexpr ParamIndex kDirname = param_index(kParams, "dirname");
constexpr ParamIndex kBasename = param_index(kParams, "basename");
constexpr ParamIndex kState = param_index(kParams, "state");
constexpr ParamIndex kContent = param_index(kParams, "content");
constexpr ParamIndex kSource = param_index(kParams, "source");
constexpr ParamIndex kFragments = param_index(kParams, "fragments");
constexpr ParamIndex kOwner = param_index(kParams, "owner");
constexpr ParamIndex kGroup = param_index(kParams, "group");
constexpr ParamIndex kMode = param_index(kParams, "mode");
constexpr ParamIndex kRecurse = param_index(kParams, "recurse");
constexpr ParamIndex kForce = param_index(kParams, "force");
constexpr ParamIndex kPurge = param_index(kParams, "purge");
constexpr ParamIndex kSymlink = param_index(kParams, "symlink");
constexpr ParamIndex kFollow = param_index(kParams, "follow");
constexpr ParamIndex kWrite = param_index(kParams, "write");
constexpr ParamIndex kValidate = param_index(kParams, "validate");
constexpr ParamIndex kShowDiff = param_index(kParams, "show_diff");

/// What is declared, in the terms of the work. Borrows from the declaration.
struct Want {
  enum class Type { File, Folder, Link };
  Type type = Type::File;
  bool absent = false;
  /// To be made where it is missing.
  bool made = false;
  const std::string* content = nullptr;
  const std::string* source = nullptr;
  const List* fragments = nullptr;
  const std::string* owner = nullptr;
  const std::string* group = nullptr;
  std::optional<Mode> mode;
  bool recurse = false;
  bool force = false;
  bool purge = false;
  bool follow = false;
  bool in_place = false;
  const List* validate = nullptr;
  std::optional<bool> show_diff;

  bool has_content() const { return content || fragments || (source && type == Type::File); }
  bool has_tree() const { return type == Type::Folder && !absent && (source || purge); }
};

/// Of a declaration that passed validation. An empty text counts as not set, as in the Go version.
Want want_of(const Declaration& declaration);

/// The path as declared by path, dirname and basename, with its slash at the end; may be anything before validation.
std::string declared_path(const Declaration& declaration);

/// True if the path is a folder's.
bool is_folder_path(const Declaration& declaration);

/// The text of a parameter, null if not set or empty.
const std::string* text_of(const Declaration& declaration, ParamIndex index);

}  // namespace mgmt::file
