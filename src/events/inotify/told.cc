// SPDX-License-Identifier: GPL-3.0-or-later
// Needs nothing of the watcher: the simulator links it beside a watcher of its own.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/inotify.h>

#include <string_view>
#include <vector>

#include "src/base/text.h"
#include "src/events/inotify/file_watcher.h"

namespace mgmt::events {
namespace {

struct Word {
  std::uint32_t bits;
  std::string_view was, name;
};
constexpr Word kWords[] = {
    {IN_DELETE | IN_DELETE_SELF, "removed", "DELETE"},
    {IN_MOVED_FROM | IN_MOVE_SELF, "moved away", "MOVED_FROM"},
    {IN_CREATE, "created", "CREATE"},
    {IN_MOVED_TO, "moved there", "MOVED_TO"},
    {IN_MODIFY, "written", "MODIFY"},
    {IN_CLOSE_WRITE, "written", "CLOSE_WRITE"},
    {IN_ATTRIB, "changed in its attributes", "ATTRIB"},
};

}  // namespace

std::string to_text(const FileWatcher::Told& told) {
  std::vector<std::string_view> was, names;
  for (const Word& word : kWords) {
    if ((told.mask & word.bits) == 0) continue;
    if (was.empty() || was.back() != word.was) was.push_back(word.was);
    names.push_back(word.name);
  }
  if (was.empty()) return {};
  return fmt::format("{} was {} ({})", told.path, enumeration(was), fmt::join(names, ", "));
}

}  // namespace mgmt::events
