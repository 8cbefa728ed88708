// SPDX-License-Identifier: GPL-3.0-or-later
// Draft: something under a temporary name beside its place (or without one), which goes again unless it is placed.
// Places are taken in one step, and only from what was found there.
#pragma once

#include <string>

#include "src/base/fd.h"
#include "src/resources/file/write.h"

namespace mgmt::file {

class Draft {
 public:
  explicit Draft(const Spot& spot) : spot_(spot) {}
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Fd make_file(mode_t mode);
  /// Without any name, where the file system can: a crash leaves nothing then, and the folder changes once instead of
  /// three times. Only for what replaces nothing, since a link can't go over a name.
  Fd make_nameless_file(mode_t mode);
  Fd make_folder();
  void make_link(const std::string& target);

  /// The same file, to be looked at only; what was open for writing is closed.
  Fd without_writing(Fd fd);

  /// Where it is until it is placed. Borrows from the draft.
  Spot own() const { return {.folder = spot_.folder, .name = name_.c_str(), .shown = spot_.shown}; }
  const Spot& spot() const { return spot_; }

  /// `found` as in write.h.
  void place(const Found* found, bool is_folder);

 private:
  void name_it();
  void place_on_nothing();
  void link_in_place();
  bool exchange();
  void renamed(int failure);

  Spot spot_;
  std::string name_;
  bool made_ = false;
  int nameless_ = -1;  // the file's descriptor, which whoever made it owns
};

}  // namespace mgmt::file
