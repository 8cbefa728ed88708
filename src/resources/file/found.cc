// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/found.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <string_view>
#include <utility>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/file/owner.h"
#include "src/resources/file/params.h"

namespace mgmt::file {
namespace {

/// A graph is read and kept as a whole.
constexpr std::size_t kLargest = std::size_t{1} << 20;

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> buffer;
  ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (size < 0) throw Error::system(errno, "reading the link " + path);
  std::string target(buffer.data(), static_cast<std::size_t>(size));
  if (!is_utf8(target)) throw Error(fmt::format("what {} points to is no UTF-8, and a graph is", path));
  return target;
}

std::string text_in(const std::string& path, off_t size) {
  constexpr const char* kAdvice = "keep a copy of it, and write `source: /path/of/the/copy`";
  if (std::cmp_greater(size, kLargest))
    throw Error(fmt::format("{} is too large for a graph ({} bytes)", path, size)).hint(kAdvice);
  std::string text = read_file(path, kLargest);
  if (!is_utf8(text))
    throw Error(fmt::format("{} is no text (UTF-8), which is all that a graph can hold", path)).hint(kAdvice);
  return text;
}

}  // namespace

Declaration found(const std::string& name) {
  std::string path = clean_path(std::filesystem::absolute(name).string());
  if (!is_utf8(path)) throw Error(fmt::format("the name `{}` is no UTF-8, and a graph is", printable(path)));
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) throw Error::system(errno, "looking at " + path);
  bool folder = S_ISDIR(status.st_mode), link = S_ISLNK(status.st_mode);
  if (!folder && !link && !S_ISREG(status.st_mode))
    throw Error(path + " is a device, socket or pipe").hint("mgmt's files are files, folders and symlinks");
  Declaration declaration;
  declaration.name = folder ? join_path(path, "") : path;
  auto set = [&](ParamIndex index, Value value) { declaration.params.set(index, std::move(value), {}); };
  if (link) {
    set(kSymlink, Value(true));
    set(kSource, Value(link_target(path)));
  } else if (folder) {
    set(kState, Value("exists"));
  } else {
    set(kContent, Value(text_in(path, status.st_size)));
    if ((status.st_mode & S_IROTH) == 0) declaration.params.taint(kContent);
  }
  set(kOwner, Value(user_name(status.st_uid)));
  set(kGroup, Value(group_name(status.st_gid)));
  if (!link) set(kMode, Value(fmt::format("{:04o}", status.st_mode & 07777)));
  return declaration;
}

}  // namespace mgmt::file
