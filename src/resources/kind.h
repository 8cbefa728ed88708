// SPDX-License-Identifier: GPL-3.0-or-later
// Kind: what the program knows of a kind of resource without creating one: its parameter table, its rules,
// its documentation, and how an instance is made. One row of kinds.def each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/resources/declaration.h"
#include "src/value/diagnostic.h"

namespace mgmt {

class Resource;
struct Services;

/// Something that an automatic edge comes from, if the graph manages it.
struct Need {
  enum class What {
    /// The resource that manages this absolute, clean path, or else the nearest folder above it. None if that one
    /// removes it: then it comes after whatever else is removed there.
    Path,
    /// As Path, and all that manage something below the path.
    Tree,
    /// The resource `kind[name]`.
    Resource,
  } what = What::Path;
  /// Of Need::Resource.
  std::string_view kind = {};
  /// The path, or the name.
  std::string name;
  /// For `mgmt graph --explain`: "its parent folder", "runs it".
  std::string_view why;
};

struct Kind {
  std::string_view name;
  /// "service" for svc, as in the graphs of 2016.
  Words aliases = {};
  std::string_view summary;
  std::span<const Param> params;
  std::span<const ObsoleteParam> obsolete = {};
  /// The kind's doc.md and example.yaml, embedded at build time.
  std::string_view doc;
  std::string_view example;

  /// Rules across parameters; each violation is one diagnostic, at the place of the parameter. Pure. May be null.
  void (*validate)(const Declaration&, Diagnostics&) = nullptr;
  /// The absolute, clean path that a resource manages, if it manages one (file); what `purge` leaves
  /// alone. May be null.
  std::optional<std::string> (*managed_path)(const Declaration&) = nullptr;
  /// Whether two declarations of one managed path want the same of it, however each writes the path. Null: never.
  bool (*same_at_path)(const Declaration&, const Declaration&) = nullptr;
  /// Whether the resource's check depends on what others manage (purge). May be null.
  bool (*views_managed_paths)(const Declaration&) = nullptr;
  /// Changes a collected declaration to what the `pattern` of `collect:` asks (file: the folder it goes
  /// to; "": none). Throws Error for a name that would leave it, and for what isn't taken from another host. Null: the
  /// kind can be collected, without a pattern.
  void (*collect_into)(Declaration&, const std::string& pattern) = nullptr;

  /// Makes absolute what may be written relative to the graph's file, which lies in `folder` (absolute). May be null.
  void (*beside_graph)(Declaration&, const std::string& folder) = nullptr;

  /// What a refresh does (the sender of a `notify` edge changed something), for the documentation. Empty: the kind
  /// can't be refreshed. Resources of one that can are given Inputs::refresh.
  std::string_view refresh = {};
  /// What a run has found out and an edge's `send:` may give to parameters of others (exec: stdout); see
  /// Resource::outputs(). `name`, `type`, `doc` and `secret` count.
  std::span<const Param> outputs = {};
  /// Whether the resource takes away what is at its managed path (`state: absent`). May be null: it never does.
  bool (*removes_path)(const Declaration&) = nullptr;
  /// How many entries of file systems it may take away at most: 0, 1, or kMany where that depends on what is there. May
  /// be null: none.
  std::uint64_t (*may_remove)(const Declaration&) = nullptr;
  static constexpr std::uint64_t kMany = UINT64_MAX;
  /// What has to come before this resource, whether or not it is in the graph. Pure. May be null.
  void (*needs)(const Declaration&, std::vector<Need>&) = nullptr;
  /// Whether its check asks for what resources before it may bring about (a guard): what a plan says of it is then said
  /// of the machine as it is now. May be null.
  bool (*is_guarded)(const Declaration&) = nullptr;
  /// Why only root can bring it about, beside where its managed path lies ("owner root"); "" if anybody could. Asks for
  /// nothing but who runs this. May be null.
  std::string (*needs_root)(const Declaration&) = nullptr;
  /// Declares what stands there now under a name, as it is (`mgmt get`); what others may not see is tainted. Throws
  /// Error. Null: the kind can't tell.
  Declaration (*found)(const std::string& name) = nullptr;
  /// Several may run as one: `meta: autogroup`.
  bool groups = false;
  /// Why what the declaration does can't be undone (`meta: reverse`, see Resource::undo()), with a hint; none if it
  /// can. Null: nothing of the kind can be.
  std::optional<Error> (*cannot_undo)(const Declaration&) = nullptr;

  /// What a daemon has to be asked for this one to be checked, as one line: where a plan is made no daemon can be
  /// reached, so it is asked outside, before (see Answers). Pure. Null: it asks none.
  std::string (*question)(const Declaration&) = nullptr;
  /// An answer to each question, for Services::answers. Reads, and changes nothing; takes what isn't a question of
  /// question() for none; ends by itself in well under a minute. It may start threads. Null where question is.
  std::vector<Value> (*answer)(const std::vector<std::string>& questions) = nullptr;

  std::unique_ptr<Resource> (*create)(std::shared_ptr<const Declaration>, Services&) = nullptr;
};

/// What was answered to questions of kinds, before a plan was made.
class Answers {
 public:
  void add(std::string_view kind, std::string_view question, Value answer) {
    answers_.insert_or_assign(key(kind, question), std::move(answer));
  }
  /// Null if it was not asked, or nobody answered.
  const Value* find(std::string_view kind, std::string_view question) const {
    auto found = answers_.find(key(kind, question));
    return found == answers_.end() ? nullptr : &found->second;
  }

 private:
  static std::string key(std::string_view kind, std::string_view question) {
    return std::string(kind).append(" ").append(question);
  }
  std::unordered_map<std::string, Value> answers_;
};

/// All kinds, in the order of kinds.def.
std::span<const Kind* const> all_kinds();
/// By name or alias; nullptr if there is none.
const Kind* find_kind(std::string_view name);

}  // namespace mgmt
