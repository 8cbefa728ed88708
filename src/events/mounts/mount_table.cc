// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/mounts/mount_table.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "src/base/path.h"

namespace mgmt::events {
namespace {

// Blanks, line ends and backslashes are written as \ and three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// "36 35 98:0 /root /point rw,noatime ...": the fifth.
std::optional<std::string> point_of(std::string_view line) {
  for (int before = 0; before < 4; ++before) {
    std::size_t blank = line.find(' ');
    if (blank == line.npos) return std::nullopt;
    line.remove_prefix(blank + 1);
  }
  std::string point = unescape(line.substr(0, line.find(' ')));
  if (!point.starts_with('/')) return std::nullopt;
  return point;
}

}  // namespace

MountTable::MountTable(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::optional<std::string> point = point_of(line);
    if (!point) continue;
    points_.insert(*point);
    names_.insert(base_name(*point));
    mounts_.push_back({.line = std::string(line), .point = std::move(*point)});
  }
  std::ranges::sort(mounts_);
}

std::string MountTable::mount_of(std::string path) const {
  while (path.size() > 1 && !points_.contains(path)) path = parent_path(path);
  return path;
}

std::vector<std::string> MountTable::points() const {
  std::vector<std::string> points(points_.begin(), points_.end());
  std::erase(points, "/");
  std::ranges::sort(points);
  return points;
}

std::vector<std::string> MountTable::changed_since(const MountTable& before) const {
  std::vector<Mount> different;
  std::ranges::set_symmetric_difference(before.mounts_, mounts_, std::back_inserter(different));
  std::vector<std::string> points;
  for (Mount& mount : different) points.push_back(std::move(mount.point));
  std::ranges::sort(points);
  std::vector<std::string> topmost;
  for (std::string& point : points) {
    // "/a", "/a-b", "/a/c": what lies below one isn't always right behind it.
    bool below = std::ranges::any_of(topmost, [&](const std::string& above) { return is_within(point, above); });
    if (!below) topmost.push_back(std::move(point));
  }
  return topmost;
}

}  // namespace mgmt::events
