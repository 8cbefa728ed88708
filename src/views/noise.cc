// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "src/base/text.h"

namespace mgmt::views {

using namespace report;

namespace {

constexpr std::size_t kNamed = 3;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == '/';
}

// "a" of "file[a]".
std::string_view name_of(std::string_view resource) {
  std::size_t open = resource.find('['), close = resource.rfind(']');
  return open < close && close != resource.npos ? resource.substr(open + 1, close - open - 1) : std::string_view();
}

}  // namespace

std::string cause_of(const Failed& failed) {
  std::string_view name = name_of(failed.resource);
  std::string_view text = failed.error;
  std::string cause;
  for (std::size_t i = 0; i < text.size();) {
    bool begins = i == 0 || !is_word(text[i - 1]);
    if (begins && !name.empty() && text.substr(i).starts_with(name) &&
        (i + name.size() == text.size() || !is_word(text[i + name.size()]))) {
      cause += '*';
      i += name.size();
    } else if (begins && text[i] == '/') {
      cause += '*';
      while (i < text.size() && is_word(text[i])) ++i;
    } else {
      cause += text[i++];
    }
  }
  return cause;
}

std::vector<Body> Noise::take(const Body& body) {
  if (std::holds_alternative<Summary>(body) || std::holds_alternative<Settled>(body) ||
      std::holds_alternative<GraphStarted>(body)) {
    std::vector<Body> bodies = flush();
    bodies.push_back(body);
    return bodies;
  }
  const auto* failed = std::get_if<Failed>(&body);
  if (!failed) return {body};
  std::uint64_t repeat = repeat_of(*failed);
  if (!std::has_single_bit(repeat)) return {};
  // The second failures of many are as much one line as their first ones, and no part of those.
  auto [at, opened] = groups_.try_emplace(fmt::format("{} {}", repeat, cause_of(*failed)));
  if (opened) return {body};
  Group& group = at->second;
  if (group.count++ == 0) group.first = *failed;
  if (group.names.size() < kNamed) group.names.push_back(failed->resource);
  return {};
}

std::uint64_t Noise::repeat_of(const Failed& failed) {
  // The first in a row is news; that the ones before it are over, nobody has to tell.
  if (failed.times <= 1) {
    if (!repeats_.empty()) repeats_.erase(failed.resource);
    return 1;
  }
  Repeats& repeats = repeats_[failed.resource];
  if (repeats.error != failed.error) {
    // Where it begins isn't known from the first, which isn't kept: from here on it is counted as the report counts.
    repeats = {failed.error, repeats.error.empty() ? failed.times : 1};
  } else {
    ++repeats.count;
  }
  return repeats.count;
}

void Noise::add(Group& group, std::vector<Body>& to) {
  std::size_t count = std::exchange(group.count, 0);
  std::vector<std::string> names = std::exchange(group.names, {});
  if (count == 0) return;
  if (count == 1) {
    to.emplace_back(std::move(group.first));
    return;
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  if (count > names.size()) text += fmt::format(" and {} more", count - names.size());
  to.emplace_back(Notice{Notice::Level::Error,
                         fmt::format("{} failed for the same reason: {}", counted(count, "more resource"), text)});
}

std::vector<Body> Noise::ripe(Time now) {
  std::vector<Body> bodies;
  for (auto at = groups_.begin(); at != groups_.end();) {
    Group& group = at->second;
    if (!group.until) group.until = now + group.moment;
    if (now < *group.until) {
      ++at;
    } else if (group.count == 0) {
      at = groups_.erase(at);
    } else {
      add(group, bodies);
      // It goes on: then it is told of less and less often.
      group.moment = std::min(group.moment * 2, kLongestMoment);
      group.until = now + group.moment;
      ++at;
    }
  }
  return bodies;
}

std::optional<Noise::Time> Noise::due() const {
  std::optional<Time> first;
  for (const auto& [cause, group] : groups_)
    if (group.until && (!first || *group.until < *first)) first = group.until;
  return first;
}

std::vector<Body> Noise::flush() {
  std::vector<Body> bodies;
  for (auto& [cause, group] : groups_) add(group, bodies);
  groups_.clear();
  return bodies;
}

}  // namespace mgmt::views
