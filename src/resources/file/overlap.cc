// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/overlap.h"

#include <fmt/format.h>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/file/params.h"
#include "src/resources/resource_graph.h"

namespace mgmt::file {
namespace {

bool is_file(const ManagedPaths::One& one) { return one.by && one.by->kind->name == "file"; }

}  // namespace

void Overlap::refuse(const std::string& path, const ManagedPaths::One& other, const char* does) const {
  throw Error(fmt::format("its source has {}, which {} {}", printable(path), printable(other.by->id()), does))
      .hint(fmt::format("it is declared at {}: take it out of the source, or out of that resource",
                        managed_->graph->place_of(other.by->pos)));
}

void Overlap::check(const std::string& path, mode_t type) const {
  if (!managed_) return;
  if (const ManagedPaths::One* same = managed_->find(path); same && is_file(*same) && S_ISDIR(type)) {
    Want want = want_of(*same->by);
    if (want.absent) refuse(path, *same, "removes");
    if (want.type != Want::Type::Folder) refuse(path, *same, "declares as no folder");
  }
  for (const ManagedPaths::One* inner : inner_) {
    Want want = want_of(*inner->by);
    struct stat theirs{};
    std::string rest = path.substr(inner->path.size());
    bool both = want.source && ::lstat((clean_path(*want.source) + rest).c_str(), &theirs) == 0;
    if (both && !(S_ISDIR(type) && S_ISDIR(theirs.st_mode))) refuse(path, *inner, "copies from its own source");
    if (!both && want.purge && !is_declared(path) && !is_declared_below(path)) refuse(path, *inner, "purges");
  }
}

bool Overlap::is_filled(const std::string& folder) const {
  const ManagedPaths::One* one = managed_ ? managed_->find(folder) : nullptr;
  return one && is_file(*one) && want_of(*one->by).has_tree();
}

Overlap::Inside::Inside(Overlap& overlap, const std::string& folder) : overlap_(overlap) {
  if (!overlap.is_filled(folder)) return;
  overlap.inner_.push_back(overlap.managed_->find(folder));
  entered_ = true;
}

}  // namespace mgmt::file
