// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/graph_file.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string_view>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/frontends/yaml/yaml.h"
#include "src/resources/dot.h"

extern char** environ;

namespace mgmt::cli {

namespace {

// What `!file` and `!env` read. A relative path is one from the graph's folder, wherever mgmt was started.
yaml::Outside outside_of(const std::string& graph) {
  constexpr std::size_t kLargestSecret = std::size_t{1} << 20;
  return {.file = [graph](const std::string& name) -> Result<std::string> {
            try {
              std::string text = read_file(std::filesystem::absolute(graph).parent_path() / name, kLargestSecret);
              // The line end that an editor leaves behind the last line.
              if (text.ends_with('\n')) text.pop_back();
              return text;
            } catch (const Error& error) {
              return std::unexpected(error);
            }
          },
          .env = [](const std::string& name) -> Result<std::string> {
            const char* value = std::getenv(name.c_str());
            if (!value) return std::unexpected(Error("it is not set").hint("set it in the environment of mgmt"));
            return std::string(value);
          }};
}

}  // namespace

GraphFile load_graph_file(const std::string& path, std::optional<std::size_t> known) {
  GraphFile file;
  std::string text;
  try {
    constexpr std::size_t kLargest = std::size_t{256} << 20;
    text = read_file(path, kLargest);
  } catch (const Error& error) {
    file.messages = fmt::format("{}: error: {}\n", path, error.text());
    return file;
  }
  file.fingerprint = std::hash<std::string_view>{}(text);
  if (file.fingerprint == known) return file;
  yaml::Loaded loaded = yaml::load(text, path, outside_of(path));
  file.graph = std::move(loaded.graph);
  file.messages = std::move(loaded.rendered);
  file.text = std::move(text);
  for (const std::string& secret : loaded.secrets) file.text.append(1, '\0').append(secret);
  return file;
}

void write_picture(const ResourceGraph& graph, const std::string& path) {
  std::string extension = std::filesystem::path(path).extension();
  if (extension != ".svg" && extension != ".png") return replace_file(path, to_dot(graph), 0644);

  // dot reads the text from a file that only we can have put there.
  std::string source = fmt::format("{}.{}.dot", path, ::getpid());
  replace_file(source, to_dot(graph), 0600);
  std::string format = "-T" + extension.substr(1);
  const char* argv[] = {"dot", format.c_str(), "-o", path.c_str(), source.c_str(), nullptr};
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // The agent blocks its signals: its children don't.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int failure = ::posix_spawnp(&pid, "dot", nullptr, &attributes, const_cast<char* const*>(argv), environ);
  posix_spawnattr_destroy(&attributes);
  int status = 0;
  if (failure == 0)
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  ::unlink(source.c_str());
  if (failure == ENOENT)
    throw Error("no picture without Graphviz's `dot`").hint("apt install graphviz, or ask for a .dot file");
  if (failure != 0) throw Error::system(failure, "starting dot");
  if (status != 0) throw Error(fmt::format("dot could not draw {}", path));
}

}  // namespace mgmt::cli
