// SPDX-License-Identifier: GPL-3.0-or-later
// LastGood: the graph that an agent last ran without an error in it, kept beside what else it remembers (mode 0600), so
// that one that starts when its file is broken goes on with that. What is kept is the text of the files: no value that
// they read from elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/graph_file.h"
#include "src/cli/place.h"

namespace mgmt::cli {

class LastGood {
 public:
  explicit LastGood(const Place& place);

  /// Throws Error. The folder is there.
  void keep(const GraphFiles& files, const std::vector<GraphText>& texts) const;

  /// What to run in place of `broken`, with what is to be said of it; null graph: nothing was kept of these files, or
  /// it can't be used by now. Throws Error where it can't be read.
  GraphFile instead_of(const GraphFile& broken, const GraphFiles& files) const;

 private:
  struct Kept {
    std::vector<GraphText> texts;
    std::int64_t since = 0;  // seconds since 1970
  };
  std::optional<Kept> find(const GraphFiles& files) const;

  std::string path_;
};

}  // namespace mgmt::cli
