// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/value/json.h"

namespace mgmt::cli {
namespace {

constexpr std::string_view kText =
    R"(# A graph: the state that this machine should have. `mgmt check` says whether the file is right, `mgmt plan` what it would
# change, `mgmt run` makes it so and keeps it so. While it runs it follows this file: each save is taken at once.
graph: hello

resources:
  # What a kind can do is printed by `mgmt resources file`; `mgmt resources` lists the kinds.
  file:
  # `name` is what the rest of the graph calls it, `path` where it is: absolute, and a folder's ends with a slash.
  - name: folder
    path: {folder}
    state: exists
  - name: greeting
    path: {greeting}
    mode: "0644"
    # All that it holds. Nothing in it is replaced: $, {{{{ and % stay as they are.
    content: |
      Hello from mgmt.
      Change or remove this file while mgmt runs, and look again.

  # A command runs once, and again when something that it watches has changed, or when it is notified.
  exec:
  - name: count
    # No shell: words, split at blanks. With `shell: /bin/sh` it is a line of that shell.
    cmd: wc -w greeting
    cwd: {folder}

# What comes first. An edge from a folder to the files in it is made by itself.
edges:
- name: the greeting before it is counted
  from: {{kind: file, name: greeting}}
  to: {{kind: exec, name: count}}
  # Count again when the greeting was changed.
  notify: true
)";

}  // namespace

std::string first_graph(const std::string& folder) {
  std::string inside = join_path(folder, "hello/");
  return fmt::format(kText, fmt::arg("folder", json_quote(inside)),
                     fmt::arg("greeting", json_quote(inside + "greeting")));
}

void write_first_graph(const std::string& path) {
  std::string text = first_graph(std::filesystem::current_path().string());
  // Root's own umask may let a group write, and then root itself wouldn't run it.
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file && errno == EEXIST)
    throw Error(printable(path) + " is there already, and stays as it is").hint("mgmt init FILE writes another");
  if (!file) throw Error::system(errno, "writing " + printable(path));
  try {
    write_all(file.get(), text, path);
  } catch (const Error&) {
    ::unlink(path.c_str());  // half of it is no graph
    throw;
  }
}

}  // namespace mgmt::cli
