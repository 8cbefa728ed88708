// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/graph_file.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string_view>

#include "src/async/confine.h"
#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/frontends/yaml/yaml.h"

namespace mgmt::cli {

namespace {

constexpr std::size_t kLargest = std::size_t{256} << 20;
constexpr std::size_t kMostFiles = 10'000;
constexpr std::string_view kExtension = ".yaml";

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

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string shown_name(const std::string& path) { return path == kStandardInput ? "<stdin>" : path; }

// Its *.yaml, by name; what an editor or a version control system hides is none.
std::vector<std::string> files_in(const std::string& folder) {
  DIR* dir = ::opendir(folder.c_str());
  if (!dir) throw Error::system(errno, "reading the folder " + folder);
  std::vector<std::string> names;
  while (const dirent* item = ::readdir(dir)) {
    std::string_view name = item->d_name;
    if (!name.starts_with('.') && name.ends_with(kExtension) && !is_folder(join_path(folder, name)))
      names.emplace_back(name);
  }
  ::closedir(dir);
  std::ranges::sort(names);
  for (std::string& name : names) name = join_path(folder, name);
  return names;
}

// All folders on its path let others through, and it lets them read: then it is no place for a secret.
std::optional<mode_t> readable_by_others(const std::string& path) {
  std::error_code failure;
  std::string real = std::filesystem::canonical(path, failure).string();
  struct stat status{};
  if (failure || ::stat(real.c_str(), &status) != 0 || !(status.st_mode & S_IROTH)) return std::nullopt;
  for (std::string at = parent_path(real);; at = parent_path(at)) {
    struct stat folder{};
    if (::stat(at.c_str(), &folder) != 0 || !(folder.st_mode & S_IXOTH)) return std::nullopt;
    if (at == "/") return status.st_mode & 07777;
  }
}

Message error_of(const std::string& place, const Error& error) {
  return {.place = place, .text = error.text(), .hint = error.hint_text()};
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 65536> buffer;
  while (true) {
    ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error::system(errno, "reading standard input");
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargest) throw Error("standard input is larger than a graph may be");
  }
}

int standard_input_fd = STDIN_FILENO;

}  // namespace

const std::string& standard_input() {
  static const std::string text = read_all(standard_input_fd);
  return text;
}

void keep_standard_input(int fd) { standard_input_fd = fd; }

GraphFiles::GraphFiles(std::vector<std::string> named, Trust trust) : named_(std::move(named)), trust_(trust) {}

std::vector<std::string> GraphFiles::list() const {
  std::vector<std::string> files;
  for (const std::string& name : named_) {
    if (name == kStandardInput || !is_folder(name)) {
      files.push_back(name);
      continue;
    }
    std::vector<std::string> inside = files_in(name);
    if (inside.empty())
      throw Error(fmt::format("there is no *{} in the folder {}", kExtension, name))
          .hint("its files are read in the order of their names, those below it are not");
    files.insert(files.end(), inside.begin(), inside.end());
  }
  if (files.size() > kMostFiles) throw Error(fmt::format("{} files are too many for one graph", files.size()));
  return files;
}

std::vector<std::string> GraphFiles::absolute() const {
  std::vector<std::string> paths;
  for (const std::string& name : named_)
    paths.push_back(name == kStandardInput ? name : std::filesystem::absolute(name).string());
  return paths;
}

std::string GraphFiles::shown() const {
  std::vector<std::string> names;
  for (const std::string& name : named_) names.push_back(shown_name(name));
  std::vector<std::string_view> views(names.begin(), names.end());
  return enumeration(views);
}

bool GraphFiles::can_be_followed() const {
  return std::ranges::all_of(named_, [](const std::string& name) {
    struct stat status{};
    if (name == kStandardInput) return false;
    return ::stat(name.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
  });
}

std::string GraphFiles::graph_name() const {
  bool folder = named_.front() != kStandardInput && is_folder(named_.front());
  return folder ? base_name(clean_path(std::filesystem::absolute(named_.front()).string())) : "";
}

GraphFile GraphFiles::load(std::optional<std::size_t> known) const {
  GraphFile file;
  std::vector<GraphText> texts;
  auto fail = [&](const std::string& place, const Error& error) {
    file.messages.push_back(error_of(shown_name(place), error));
  };
  std::vector<std::string> paths;
  try {
    // The folder itself decides which files there are.
    for (const std::string& name : named_) {
      if (name == kStandardInput) continue;
      auto wrong = trust_.judge(name);
      if (wrong) fail(name, *wrong);
      file.untrusted |= wrong.has_value();
    }
    if (file.untrusted) return file;
    paths = list();
  } catch (const Error& error) {
    fail(shown(), error);
    return file;
  }
  for (const std::string& path : paths) {
    try {
      auto wrong = path == kStandardInput ? std::nullopt : trust_.judge(path);
      file.untrusted |= wrong.has_value();
      if (wrong) fail(path, *wrong);
      else texts.push_back({path, path == kStandardInput ? standard_input() : read_file(path, kLargest)});
    } catch (const Error& error) {
      fail(path, error);
    }
  }
  return file.messages.empty() ? parse(std::move(texts), known) : file;
}

GraphFile GraphFiles::parse(std::vector<GraphText> texts) const { return parse(std::move(texts), std::nullopt); }

GraphFile GraphFiles::parse(std::vector<GraphText> texts, std::optional<std::size_t> known) const {
  GraphFile file;
  std::size_t hash = 0;
  for (const GraphText& one : texts)
    for (std::string_view part : {std::string_view(one.path), std::string_view(one.text)})
      hash = hash * 31 + std::hash<std::string_view>{}(part);
  file.fingerprint = hash;
  if (file.fingerprint == known) return file;
  std::vector<yaml::Source> sources;
  for (const GraphText& one : texts) {
    bool beside = one.path != kStandardInput;
    std::string folder = beside ? std::filesystem::absolute(one.path).parent_path().string() : "";
    sources.push_back({.text = one.text,
                       .name = shown_name(one.path),
                       .folder = folder,
                       .outside = outside_of(beside ? one.path : "stdin")});
  }
  yaml::Loaded loaded = yaml::load(sources, graph_name());
  file.graph = std::move(loaded.graph);
  file.messages = std::move(loaded.messages);
  file.secrets = std::move(loaded.secrets);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (loaded.secret_lines[i] == 0 || texts[i].path == kStandardInput) continue;
    if (auto mode = readable_by_others(texts[i].path))
      file.messages.push_back(
          {.level = Diagnostic::Level::Warning,
           .place = fmt::format("{}:{}", texts[i].path, loaded.secret_lines[i]),
           .text =
               fmt::format("a secret is written here, and everybody on this machine can read it (mode {:04o})", *mode),
           .hint = "chmod o-r " + texts[i].path});
  }
  file.texts = std::move(texts);
  return file;
}

std::vector<Message> GraphFiles::doubts() const {
  std::vector<Message> messages;
  for (const std::string& name : named_) {
    if (name == kStandardInput) continue;
    auto wrong = trust_.judge(name);
    try {
      if (!wrong && is_folder(name))
        for (const std::string& file : files_in(name))
          if (!wrong) wrong = trust_.judge(file);
    } catch (const Error&) {
      continue;  // who reads it says so
    }
    if (!wrong) continue;
    messages.push_back(error_of(name, *wrong));
    messages.back().level = Diagnostic::Level::Warning;
  }
  return messages;
}

std::string GraphFile::text() const {
  std::string out;
  for (const Message& message : messages) out += render(message);
  return out;
}

std::optional<Message> GraphFile::first_error() const {
  auto found = std::ranges::find(messages, Diagnostic::Level::Error, &Message::level);
  return found == messages.end() ? std::nullopt : std::optional(*found);
}

std::string GraphFile::source() const {
  std::string all;
  // As it has always been for one file: saved plans hold a seal of it.
  for (const GraphText& one : texts) all += texts.size() == 1 ? one.text : base_name(one.path) + '\0' + one.text + '\0';
  for (const std::string& secret : secrets) all.append(1, '\0').append(secret);
  return all;
}

}  // namespace mgmt::cli
