// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/mode.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>

#include "src/base/text.h"

namespace mgmt::file {
namespace {

constexpr mode_t kAllBits = 07777;
constexpr std::string_view kLetters = "rwxXst";

Error not_a_mode(std::string_view text, std::string_view why) {
  return Error(fmt::format("`{}` is not a mode{}", printable(text), why))
      .hint("write octal digits, `0644`, or symbols, `u=rw,go=r`");
}

// What the letters u, g and o own of a mode: their rwx, and the special bit that shows in their x.
mode_t owned_by(mode_t who) {
  mode_t owned = who;
  if (who & S_IRWXU) owned |= S_ISUID;
  if (who & S_IRWXG) owned |= S_ISGID;
  if (who & S_IRWXO) owned |= S_ISVTX;
  return owned;
}

}  // namespace

std::string octal(mode_t mode) { return fmt::format("{:04o}", mode & kAllBits); }

Result<Mode> Mode::parse(std::string_view text) {
  std::string_view digits = text.starts_with("0o") ? text.substr(2) : text;
  if (digits.empty()) return std::unexpected(not_a_mode(text, ""));
  if (digits[0] < '0' || digits[0] > '9') return parse_symbolic(text);
  unsigned number = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 8);
  if (end != digits.data() + digits.size()) return std::unexpected(not_a_mode(text, ": its digits go from 0 to 7"));
  if (failure != std::errc() || number > kAllBits) return std::unexpected(not_a_mode(text, ": it is above 7777"));
  Mode mode;
  mode.absolute_ = number;
  return mode;
}

Result<Mode> Mode::parse_symbolic(std::string_view text) {
  Mode mode;
  std::string_view rest = text;
  while (true) {
    std::string_view clause = rest.substr(0, rest.find(','));
    std::size_t at = 0;
    mode_t who = 0;
    for (; at < clause.size() && std::string_view("ugoa").contains(clause[at]); ++at)
      who |= clause[at] == 'u' ? S_IRWXU : clause[at] == 'g' ? S_IRWXG : clause[at] == 'o' ? S_IRWXO : 0777;
    // chmod(1) would let the umask decide here; a declared state can't depend on who started the agent.
    if (at == 0) who = 0777;
    if (at == clause.size()) return std::unexpected(not_a_mode(text, ": a part has none of = + -"));
    while (at < clause.size()) {
      char action = clause[at++];
      if (!std::string_view("=+-").contains(action))
        return std::unexpected(not_a_mode(text, fmt::format(": what is `{}`?", printable({&action, 1}))));
      std::size_t end = std::min(clause.find_first_of("=+-", at), clause.size());
      std::string_view given = clause.substr(at, end - at);
      if (std::size_t odd = given.find_first_not_of(kLetters); odd != std::string_view::npos)
        return std::unexpected(not_a_mode(text, fmt::format(": what is `{}`?", printable(given.substr(odd, 1)))));
      if (given.empty() && action != '=')
        return std::unexpected(not_a_mode(text, fmt::format(": nothing follows a `{}`", action)));
      Clause& made = mode.clauses_.emplace_back(Clause{who, action, {}});
      for (char letter : kLetters)
        if (given.contains(letter)) made.letters += letter;
      at = end;
    }
    if (clause.size() == rest.size()) break;
    rest.remove_prefix(clause.size() + 1);
  }
  // A bit of the result can only rise with the bits that are there before, so the two extremes tell for all.
  mode_t one = mode.of(0, false);
  if (mode.of(kAllBits, false) == one && mode.of(0, true) == one && mode.of(kAllBits, true) == one) {
    mode.absolute_ = one;
    mode.clauses_.clear();
  }
  return mode;
}

mode_t Mode::of(mode_t current, bool is_folder) const {
  if (absolute_) return *absolute_;
  mode_t mode = current & kAllBits;
  for (const Clause& clause : clauses_) {
    mode_t bits = 0;
    for (char letter : clause.letters) {
      switch (letter) {
        case 'r': bits |= 0444; break;
        case 'w': bits |= 0222; break;
        case 'x': bits |= 0111; break;
        case 'X': bits |= is_folder || (mode & 0111) ? 0111 : 0; break;
        case 's': bits |= S_ISUID | S_ISGID; break;
        case 't': bits |= S_ISVTX; break;
        default: break;
      }
    }
    mode_t owned = owned_by(clause.who);
    bits &= owned;
    if (clause.action == '=') mode = (mode & ~owned) | bits;
    else if (clause.action == '+') mode |= bits;
    else mode &= ~bits;
  }
  return mode;
}

std::string Mode::canonical() const {
  if (absolute_) return octal(*absolute_);
  std::string out;
  for (const Clause& clause : clauses_) {
    if (!out.empty()) out += ',';
    if (clause.who == 0777) {
      out += 'a';
    } else {
      if (clause.who & S_IRWXU) out += 'u';
      if (clause.who & S_IRWXG) out += 'g';
      if (clause.who & S_IRWXO) out += 'o';
    }
    out += clause.action;
    out += clause.letters;
  }
  return out;
}

Result<std::string> canonical_mode(std::string_view text) {
  if (text.empty()) return std::string();
  Result<Mode> mode = Mode::parse(text);
  if (!mode) return std::unexpected(mode.error());
  return mode->canonical();
}

}  // namespace mgmt::file
