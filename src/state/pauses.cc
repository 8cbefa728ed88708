// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/state/pauses.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/value/json.h"

namespace mgmt::state {

namespace {

const Value* member(const Value& value, std::string_view key) {
  const Map* map = value.get_if<Map>();
  if (!map) return nullptr;
  auto found = std::ranges::find(*map, key, &Map::value_type::first);
  return found == map->end() ? nullptr : &found->second;
}

template <class T>
const T& part(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  const T* typed = found ? found->get_if<T>() : nullptr;
  if (!typed) throw Error(fmt::format("`{}` is missing, or of another type", key));
  return *typed;
}

std::string shown(const std::string& resource) { return resource.empty() ? "everything" : printable(resource); }

}  // namespace

std::string pauses_path(const std::string& prefix, const std::string& name) {
  return join_path(clean_path(prefix), "db/agent/" + name + ".pauses");
}

void Pauses::add(Pause pause) {
  std::erase_if(pauses_, [&](const Pause& one) { return one.resource == pause.resource; });
  pauses_.insert(std::ranges::upper_bound(pauses_, pause.resource, {}, &Pause::resource), std::move(pause));
}

Result<std::vector<Pause>> Pauses::end(const std::string& resource) {
  std::vector<Pause> ended;
  std::erase_if(pauses_, [&](const Pause& one) {
    if (!resource.empty() && one.resource != resource) return false;
    ended.push_back(one);
    return true;
  });
  if (!ended.empty()) return ended;
  if (!resource.empty() && !pauses_.empty() && pauses_.front().resource.empty())
    return std::unexpected(
        Error(fmt::format("{} isn't paused by itself: everything is", shown(resource))).hint("mgmt resume"));
  return std::unexpected(Error(resource.empty() ? "nothing is paused" : shown(resource) + " isn't paused"));
}

std::vector<Pause> Pauses::expire(Time now) {
  std::vector<Pause> ended;
  std::erase_if(pauses_, [&](const Pause& one) {
    if (one.until > now) return false;
    ended.push_back(one);
    return true;
  });
  return ended;
}

Pauses Pauses::read(const std::string& path) {
  Pauses pauses;
  std::string text;
  try {
    text = read_file(path, std::size_t{1} << 20);
  } catch (const Error& error) {
    if (error.code() == ENOENT || error.code() == ENOTDIR) return pauses;
    throw;
  }
  try {
    Result<Value> value = value_from_json(text);
    if (!value) throw Error(value.error());
    for (const Value& one : part<List>(*value, "pauses"))
      pauses.add({.resource = part<std::string>(one, "resource"),
                  .until = Time(std::chrono::seconds(part<std::int64_t>(one, "until"))),
                  .reason = part<std::string>(one, "reason")});
  } catch (Error& error) {
    throw std::move(error).while_doing("reading " + path);
  }
  return pauses;
}

void Pauses::write(const std::string& path) const {
  if (pauses_.empty()) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw Error::system(errno, "removing " + path);
    return;
  }
  std::string list;
  for (const Pause& one : pauses_)
    list += fmt::format(
        R"({}{{"resource": {}, "until": {}, "reason": {}}})", list.empty() ? "" : ", ", json_quote(one.resource),
        std::chrono::floor<std::chrono::seconds>(one.until).time_since_epoch().count(), json_quote(one.reason));
  replace_file(path, "{\"pauses\": [" + list + "]}\n", 0600);
}

}  // namespace mgmt::state
