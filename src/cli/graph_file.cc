// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/graph_file.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string_view>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/frontends/yaml/yaml.h"

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
    file.messages.push_back({.place = path, .text = error.text(), .hint = error.hint_text()});
    return file;
  }
  file.fingerprint = std::hash<std::string_view>{}(text);
  if (file.fingerprint == known) return file;
  yaml::Loaded loaded = yaml::load(text, path, outside_of(path));
  file.graph = std::move(loaded.graph);
  file.messages = std::move(loaded.messages);
  file.source = std::move(text);
  for (const std::string& secret : loaded.secrets) file.source.append(1, '\0').append(secret);
  return file;
}

std::string GraphFile::text() const {
  std::string out;
  for (const Message& message : messages) out += render(message);
  return out;
}

}  // namespace mgmt::cli
