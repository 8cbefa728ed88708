// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>

#include "src/base/text.h"

namespace mgmt {

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.level == Diagnostic::Level::Error) ++errors_;
  items_.push_back(std::move(diagnostic));
}

void Diagnostics::error(SourcePos pos, std::string text, std::string hint) {
  add({Diagnostic::Level::Error, pos, std::move(text), std::move(hint)});
}

void Diagnostics::error(SourcePos pos, const Error& error) { this->error(pos, error.text(), error.hint_text()); }

void Diagnostics::warning(SourcePos pos, std::string text, std::string hint) {
  add({Diagnostic::Level::Warning, pos, std::move(text), std::move(hint)});
}

void Diagnostics::note(SourcePos pos, std::string text, std::string hint) {
  add({Diagnostic::Level::Note, pos, std::move(text), std::move(hint)});
}

void Diagnostics::sort() {
  // By hand stable: libstdc++'s stable_sort uses what it deprecates.
  std::vector<std::size_t> order(items_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) {
    const SourcePos& pos = items_[i].pos;
    return std::tuple(pos.line == 0, pos.file, pos.line, pos.column, i);
  });
  std::vector<Diagnostic> sorted;
  sorted.reserve(items_.size());
  for (std::size_t i : order) sorted.push_back(std::move(items_[i]));
  items_ = std::move(sorted);
}

std::string place(std::string_view file_name, SourcePos pos) {
  if (pos.line == 0) return std::string(file_name);
  return fmt::format("{}:{}:{}", file_name, pos.line, pos.column);
}

namespace {

std::string_view line_of(std::string_view source, std::uint32_t line) {
  for (std::uint32_t at = 1; at < line; ++at) {
    std::size_t end = source.find('\n');
    if (end == std::string_view::npos) return {};
    source.remove_prefix(end + 1);
  }
  std::string_view text = source.substr(0, source.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The byte at which the character of that column (from 1) begins.
std::size_t byte_of_column(std::string_view line, std::size_t column) {
  std::size_t at = 0;
  for (std::size_t seen = 1; at < line.size() && seen < column; ++seen) do
      ++at;
    while (at < line.size() && continues_character(line[at]));
  return at;
}

// How far the marked word goes: to the next blank or sign of the format.
std::size_t word_length(std::string_view rest) {
  std::size_t length = rest.find_first_of(" \t:,]}#");
  if (length == std::string_view::npos) length = rest.size();
  std::size_t characters = 0;
  for (std::size_t i = 0; i < length; ++i) characters += continues_character(rest[i]) ? 0 : 1;
  return std::clamp<std::size_t>(characters, 1, 40);
}

std::string excerpt_of(std::string_view source, SourcePos pos) {
  std::string_view line = pos.line == 0 ? std::string_view() : line_of(source, pos.line);
  if (line.empty()) return {};
  constexpr std::size_t kBefore = 60, kShown = 100;
  std::size_t mark = byte_of_column(line, pos.column);
  std::size_t from = mark > kBefore ? mark - kBefore : 0;
  while (from > 0 && from < line.size() && continues_character(line[from])) --from;
  std::size_t length = std::min(kShown, line.size() - from);
  while (from + length < line.size() && continues_character(line[from + length])) ++length;
  std::string before = printable(line.substr(from, mark - from));
  std::string shown = before + printable(line.substr(mark, from + length - mark));
  std::size_t indent =
      static_cast<std::size_t>(std::ranges::count_if(before, [](char c) { return !continues_character(c); }));
  std::string number = std::to_string(pos.line);
  std::string_view cut_left = from > 0 ? "..." : "";
  std::string_view cut_right = from + length < line.size() ? "..." : "";
  return fmt::format("{} | {}{}{}\n", number, cut_left, shown, cut_right) +
         fmt::format("{:{}} | {:{}}^{:~<{}}\n", "", number.size(), "", indent + cut_left.size(), "",
                     word_length(line.substr(mark)) - 1);
}

}  // namespace

Message describe(const Diagnostic& diagnostic, std::string_view file_name, std::string_view source) {
  return {.level = diagnostic.level,
          .place = place(file_name, diagnostic.pos),
          .text = diagnostic.text,
          .excerpt = excerpt_of(source, diagnostic.pos),
          .hint = diagnostic.hint};
}

std::string render(const Message& message) {
  static constexpr std::string_view kLevels[] = {"error", "warning", "note"};
  std::string out = fmt::format("{}: {}: {}\n", message.place, kLevels[static_cast<int>(message.level)], message.text);
  for (std::string_view line : split_lines(message.excerpt)) out += fmt::format("  {}\n", line);
  if (!message.hint.empty()) out += fmt::format("  hint: {}\n", message.hint);
  return out;
}

}  // namespace mgmt
