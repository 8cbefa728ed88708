// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/graph_file.h"

#include <functional>
#include <string_view>

#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/frontends/yaml/yaml.h"

namespace mgmt::cli {

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
  yaml::Loaded loaded = yaml::load(text, path);
  file.graph = std::move(loaded.graph);
  file.messages = std::move(loaded.messages);
  return file;
}

std::string GraphFile::text() const {
  std::string out;
  for (const Message& message : messages) out += render(message);
  return out;
}

}  // namespace mgmt::cli
