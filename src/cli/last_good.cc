// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/last_good.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/value/json.h"

namespace mgmt::cli {
namespace {

constexpr std::int64_t kVersion = 1;

Value texts_value(const std::vector<std::string>& texts) {
  List list;
  for (const std::string& text : texts) list.emplace_back(text);
  return Value(std::move(list));
}

const Value* find(const Map& map, std::string_view key) {
  auto found = std::ranges::find(map, key, &Map::value_type::first);
  return found == map.end() ? nullptr : &found->second;
}

std::string local_time(std::int64_t seconds) {
  auto time = static_cast<std::time_t>(seconds);
  std::tm local{};
  ::localtime_r(&time, &local);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%F %T", &local)};
}

template <class T>
const T* find_as(const Map& map, std::string_view key) {
  const Value* value = find(map, key);
  return value ? value->get_if<T>() : nullptr;
}

}  // namespace

LastGood::LastGood(const Place& place)
    : path_(join_path(clean_path(place.prefix), "db/agent/" + place.hostname + ".graph")) {}

// A line that says what there is, and then the texts as they are: a large graph is not to be quoted on the loop.
void LastGood::keep(const GraphFiles& files, const std::vector<GraphText>& texts) const {
  List paths, sizes;
  std::size_t size = 0;
  for (const GraphText& one : texts) {
    paths.emplace_back(one.path);
    sizes.emplace_back(static_cast<std::int64_t>(one.text.size()));
    size += one.text.size();
  }
  std::string all = to_json(Value(Map{{"named", texts_value(files.absolute())},
                                      {"paths", Value(std::move(paths))},
                                      {"since", Value(static_cast<std::int64_t>(std::time(nullptr)))},
                                      {"sizes", Value(std::move(sizes))},
                                      {"version", Value(kVersion)}})) +
                    "\n";
  all.reserve(all.size() + size);
  for (const GraphText& one : texts) all += one.text;
  replace_file(path_, all, 0600);
}

std::optional<LastGood::Kept> LastGood::find(const GraphFiles& files) const {
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error::system(errno, "looking for the last good graph");
  }
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
    throw Error(path_ + " could have been written by somebody else");
  std::string all = read_file(path_);
  std::string_view rest = all;
  Result<Value> value = value_from_json(rest.substr(0, rest.find('\n')));
  const Map* map = value ? value->get_if<Map>() : nullptr;
  const auto* version = map ? find_as<std::int64_t>(*map, "version") : nullptr;
  if (!version || *version != kVersion) return std::nullopt;
  const Value* named = cli::find(*map, "named");
  const auto* since = find_as<std::int64_t>(*map, "since");
  const auto* paths = find_as<List>(*map, "paths");
  const auto* sizes = find_as<List>(*map, "sizes");
  if (!named || *named != texts_value(files.absolute()) || !since || !paths || !sizes || paths->size() != sizes->size())
    return std::nullopt;
  rest.remove_prefix(rest.find('\n') + 1);
  Kept kept{.texts = {}, .since = *since};
  for (std::size_t i = 0; i < paths->size(); ++i) {
    const auto* path = (*paths)[i].get_if<std::string>();
    const auto* size = (*sizes)[i].get_if<std::int64_t>();
    // A power loss may have left a part of it.
    if (!path || !size || *size < 0 || static_cast<std::size_t>(*size) > rest.size()) return std::nullopt;
    kept.texts.push_back({*path, std::string(rest.substr(0, static_cast<std::size_t>(*size)))});
    rest.remove_prefix(static_cast<std::size_t>(*size));
  }
  return kept;
}

GraphFile LastGood::instead_of(const GraphFile& broken, const GraphFiles& files) const {
  std::optional<Kept> kept = find(files);
  if (!kept) return {};
  GraphFile file = files.parse(std::move(kept->texts));
  // So that the broken text isn't told of again, and the next edit is read.
  file.fingerprint = broken.fingerprint;
  file.texts = {};
  file.broken = broken.first_error();
  if (file.graph)
    file.messages.insert(
        file.messages.begin(),
        Message{.level = Diagnostic::Level::Error,
                .place = files.shown(),
                .text = fmt::format("can't be used as it is now: running what was good at {}, kept in {}",
                                    local_time(kept->since), path_),
                .hint = fmt::format("`mgmt check {}` shows what is wrong; it is taken once it is right",
                                    fmt::join(files.named(), " "))});
  return file;
}

}  // namespace mgmt::cli
