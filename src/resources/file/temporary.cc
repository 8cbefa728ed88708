// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/temporary.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>

#include "src/base/path.h"
#include "src/resources/drafts.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {
namespace {

// True if nothing of the run is left there.
bool sweep(const std::string& folder, std::string_view names) {
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), &::closedir);
  if (!entries) {
    ::close(fd);
    return false;
  }
  bool all = true;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(names) || !drafts::is_name(name)) continue;
    try {
      remove_entry({.folder = fd, .name = entry->d_name, .shown = join_path(folder, name)}, Inside::Remove);
    } catch (const Raced&) {
      // Somebody else took it away.
    } catch (const Error&) {
      all = false;
    }
  }
  return all;
}

}  // namespace

void sweep_dead_runs() {
  for (const drafts::DeadRun& run : drafts::take_dead_runs()) {
    bool all = true;
    for (const std::string& folder : run.folders) all &= sweep(folder, run.names);
    if (all) ::unlink(run.record.c_str());
  }
}

}  // namespace mgmt::file
