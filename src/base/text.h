// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mgmt {

/// The candidate nearest to `word`, if one is near enough to be a slip of the keyboard.
std::optional<std::string_view> nearest_word(std::string_view word, std::span<const std::string_view> candidates);

/// " (did you mean `x`?)"-style hint: "did you mean `content`?" or "" if nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

/// Control characters, what turns the direction of writing, and bytes that are no UTF-8, as \n, \t, \xNN: safe to print
/// on a terminal.
std::string printable(std::string_view text);

/// The length of the UTF-8 sequence (RFC 3629) at the front of a text that is not empty, 0 if it is none.
std::size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);

/// "a, b and c".
std::string enumeration(std::span<const std::string_view> words, std::string_view last = "and");

/// The lines of a text, without their line ends; a last line without one counts.
std::vector<std::string_view> split_lines(std::string_view text);

/// "1 file", "3 files".
std::string counted(std::size_t number, std::string_view noun);

}  // namespace mgmt
