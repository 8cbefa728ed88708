// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/text_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "src/base/text.h"

namespace mgmt {
namespace {

using Lines = std::vector<std::string_view>;

struct Op {
  char sign;  // ' ', '-' or '+'
  std::size_t a, b;
};

// Greedy Myers over the part between common prefix and suffix; gives up above kMaxD edits.
std::vector<Op> edit_script(const Lines& a, const Lines& b) {
  constexpr long kMaxD = 1000;
  std::size_t prefix = 0;
  while (prefix < a.size() && prefix < b.size() && a[prefix] == b[prefix]) ++prefix;
  std::size_t suffix = 0;
  while (suffix + prefix < a.size() && suffix + prefix < b.size() &&
         a[a.size() - 1 - suffix] == b[b.size() - 1 - suffix])
    ++suffix;
  long n = static_cast<long>(a.size() - prefix - suffix), m = static_cast<long>(b.size() - prefix - suffix);

  std::vector<Op> middle;
  std::vector<std::vector<long>> trace;
  long max_d = std::min(n + m, kMaxD), found = -1;
  std::vector<long> v(static_cast<std::size_t>(2 * max_d + 3), 0);
  auto at = [&](std::vector<long>& row, long k) -> long& { return row[static_cast<std::size_t>(k + max_d + 1)]; };
  for (long d = 0; d <= max_d && found < 0; ++d) {
    trace.push_back(v);
    for (long k = -d; k <= d; k += 2) {
      long x = (k == -d || (k != d && at(v, k - 1) < at(v, k + 1))) ? at(v, k + 1) : at(v, k - 1) + 1;
      long y = x - k;
      while (x < n && y < m && a[prefix + static_cast<std::size_t>(x)] == b[prefix + static_cast<std::size_t>(y)])
        ++x, ++y;
      at(v, k) = x;
      if (x >= n && y >= m) {
        found = d;
        break;
      }
    }
  }
  auto op = [&](char sign, long x, long y) {
    middle.push_back({sign, prefix + static_cast<std::size_t>(x), prefix + static_cast<std::size_t>(y)});
  };
  if (found < 0) {
    for (long y = m; y-- > 0;) op('+', n, y);
    for (long x = n; x-- > 0;) op('-', x, 0);
  } else {
    long x = n, y = m;
    for (long d = found; d > 0; --d) {
      auto& row = trace[static_cast<std::size_t>(d)];
      long k = x - y;
      bool down = k == -d || (k != d && at(row, k - 1) < at(row, k + 1));
      long previous_k = down ? k + 1 : k - 1;
      long previous_x = at(row, previous_k), previous_y = previous_x - previous_k;
      while (x > previous_x && y > previous_y) op(' ', --x, --y);
      if (down) op('+', x, --y);
      else op('-', --x, y);
      x = previous_x;
      y = previous_y;
    }
    while (x > 0 && y > 0) op(' ', --x, --y);
  }
  std::ranges::reverse(middle);

  std::vector<Op> script;
  for (std::size_t i = 0; i < prefix; ++i) script.push_back({' ', i, i});
  script.insert(script.end(), middle.begin(), middle.end());
  for (std::size_t i = 0; i < suffix; ++i) script.push_back({' ', a.size() - suffix + i, b.size() - suffix + i});
  return script;
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::size_t max_lines) {
  if (before == after) return {};
  if (before.find('\0') != std::string_view::npos || after.find('\0') != std::string_view::npos)
    return "(binary content differs)\n";
  constexpr std::size_t kContext = 3;
  Lines a = split_lines(before), b = split_lines(after);
  // A missing newline at the end is a difference of the last line.
  std::string a_last, b_last;
  auto mark_open_end = [](Lines& lines, std::string_view text, std::string& storage) {
    if (lines.empty() || text.ends_with('\n')) return;
    storage = std::string(lines.back()) + '\0';
    lines.back() = storage;
  };
  mark_open_end(a, before, a_last);
  mark_open_end(b, after, b_last);

  std::vector<Op> script = edit_script(a, b);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < script.size();) {
    if (script[i].sign == ' ') {
      ++i;
      continue;
    }
    std::size_t from = i > kContext ? i - kContext : 0;
    std::size_t last_change = i;
    for (std::size_t j = i; j < script.size() && j <= last_change + 2 * kContext; ++j)
      if (script[j].sign != ' ') last_change = j;
    std::size_t to = std::min(script.size(), last_change + kContext + 1);
    std::size_t count_a = 0, count_b = 0;
    for (std::size_t j = from; j < to; ++j) {
      count_a += script[j].sign != '+';
      count_b += script[j].sign != '-';
    }
    out.push_back(fmt::format("@@ -{},{} +{},{} @@", script[from].a + (count_a > 0), count_a,
                              script[from].b + (count_b > 0), count_b));
    for (std::size_t j = from; j < to; ++j) {
      std::string_view line = script[j].sign == '+' ? b[script[j].b] : a[script[j].a];
      bool open_end = line.ends_with('\0');
      if (open_end) line.remove_suffix(1);
      constexpr std::size_t kWidest = 400;
      std::string shown = printable(line.substr(0, kWidest));
      if (line.size() > kWidest) shown += "...";
      out.push_back(script[j].sign + shown);
      if (open_end) out.emplace_back("\\ No newline at end of file");
    }
    i = to;
  }
  std::string text;
  std::size_t shown = std::min(out.size(), max_lines);
  for (std::size_t i = 0; i < shown; ++i) text += out[i] + "\n";
  if (shown < out.size()) text += fmt::format("({} more lines)\n", out.size() - shown);
  return text;
}

}  // namespace mgmt
