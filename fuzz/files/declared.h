// SPDX-License-Identifier: GPL-3.0-or-later
// Declared: a few file resources that an input chooses, and in plain words what each asks of the disk and what it
// allows to be changed there. Written from the guide, with nothing of the product's in it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fuzz/files/choices.h"
#include "fuzz/files/disk.h"

namespace mgmt::fuzz {

struct DeclaredMode {
  const char* text;
  mode_t set, clear;
};

struct Resource {
  enum class Type { File, Folder, Link } type = Type::File;
  std::string name;
  std::string path;
  bool absent = false, exists = false;
  std::optional<std::string> content;
  /// As a path of the disk's; of a link the text.
  std::string source;
  std::vector<std::string> fragments;
  const DeclaredMode* mode = nullptr;
  bool force = false, recurse = false, purge = false, follow = false, in_place = false;

  bool has_content() const { return content || !fragments.empty() || (type == Type::File && !source.empty()); }
  bool has_tree() const { return type == Type::Folder && !absent && (purge || !source.empty()); }
  bool is_made() const { return !absent && (exists || has_content() || !source.empty()); }
};

/// Where a resource acts, when it begins to.
struct Place {
  std::string entry;
  std::string source;
  /// What it is to hold; none where that can't be told.
  std::optional<std::string> content;
};

class Declared {
 public:
  Declared(Choices& choices, const Disk& disk);

  /// The graph's text.
  std::string graph() const;
  const std::vector<Resource>& all() const { return all_; }
  const Resource* find(const std::string& name) const;
  /// Where something done matters: at the resources, around them and at their sources.
  std::vector<std::string> paths() const;

  /// "" if it is as declared; else what is wrong.
  std::string wrong(const Resource& resource) const;
  Place place_of(const Resource& resource) const;
  /// "" if the one resource, at its place, may have made this of that; else what it may not.
  std::string illegal(const Resource& resource, const Place& place, const Snapshot& before,
                      const Snapshot& after) const;

 private:
  Resource choose(Choices& choices) const;
  std::optional<std::string> expected(const Resource& resource) const;
  std::string wrong_tree(const Resource& resource, const std::string& item, bool in_source) const;
  bool is_managed_by_other(const Resource& resource, const std::string& path) const;
  bool has_managed_below(const std::string& path) const;
  bool may(const Resource& resource, const Place& place, const std::string& path, const Snapshot& before,
           const Snapshot& after) const;
  bool may_entry(const Resource& resource, const Place& place, const Snapshot& before, const Snapshot& after) const;
  bool may_below(const Resource& resource, const Place& place, const std::string& item, const Snapshot& before,
                 const Snapshot& after) const;

  const Disk& disk_;
  std::vector<Resource> all_;
};

}  // namespace mgmt::fuzz
