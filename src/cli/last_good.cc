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

std::optional<GraphText> text_of(const Value& value) {
  const Map* map = value.get_if<Map>();
  const auto* path = map ? find_as<std::string>(*map, "path") : nullptr;
  const auto* text = map ? find_as<std::string>(*map, "text") : nullptr;
  if (!path || !text) return std::nullopt;
  return GraphText{*path, *text};
}

}  // namespace

LastGood::LastGood(const Place& place)
    : path_(join_path(clean_path(place.prefix), "db/agent/" + place.hostname + ".graph")) {}

void LastGood::keep(const GraphFiles& files, const std::vector<GraphText>& texts) const {
  List all;
  for (const GraphText& one : texts) all.emplace_back(Map{{"path", Value(one.path)}, {"text", Value(one.text)}});
  Map kept{{"files", Value(std::move(all))},
           {"named", texts_value(files.absolute())},
           {"since", Value(static_cast<std::int64_t>(std::time(nullptr)))},
           {"version", Value(kVersion)}};
  replace_file(path_, to_json(Value(std::move(kept))), 0600);
}

std::optional<LastGood::Kept> LastGood::find(const GraphFiles& files) const {
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error::system(errno, "looking for the last good graph");
  }
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
    throw Error(path_ + " could have been written by somebody else");
  Result<Value> value = value_from_json(read_file(path_));
  const Map* map = value ? value->get_if<Map>() : nullptr;
  const auto* version = map ? find_as<std::int64_t>(*map, "version") : nullptr;
  if (!version || *version != kVersion) return std::nullopt;
  const Value* named = cli::find(*map, "named");
  const auto* since = find_as<std::int64_t>(*map, "since");
  const auto* list = find_as<List>(*map, "files");
  if (!named || *named != texts_value(files.absolute()) || !list) return std::nullopt;
  Kept kept{.texts = {}, .since = since ? *since : 0};
  for (const Value& item : *list) {
    std::optional<GraphText> text = text_of(item);
    if (!text) return std::nullopt;
    kept.texts.push_back(std::move(*text));
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
