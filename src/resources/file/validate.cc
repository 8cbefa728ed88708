// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/validate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "src/async/run_child.h"
#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/resources/file/owner.h"
#include "src/value/mask.h"

namespace mgmt::file {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMostOutput = 16384;
constexpr std::size_t kMostLines = 10;
// Of a file that not everybody may read: above this, what a command says of it isn't shown at all.
constexpr std::size_t kMostSecret = std::size_t{256} << 10;
// Shorter words of it stand everywhere by chance.
constexpr std::size_t kShortestWord = 8;

// "%" becomes the path, "%%" a percent sign.
std::string with_path(std::string_view word, std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') out += word[i];
    else if (word.substr(i).starts_with("%%")) out += word[i++];
    else out += path;
  }
  return out;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

Mask mask_of(std::string_view content) {
  Mask mask;
  mask.add(content);
  while (!content.empty()) {
    std::size_t end = content.find_first_of(" \t\r\n=:,;\"'()[]{}");
    if (std::string_view word = content.substr(0, end); word.size() >= kShortestWord) mask.add(word);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
  }
  return mask;
}

// The last lines, each after a line break; none of what the file holds if that isn't to be seen.
std::string last_words(std::string output, const std::string& staged, const std::string& shown, Shows shows) {
  constexpr const char* kNotShown = "\n(what it printed isn't shown: it may hold what is in the file)";
  if (shows == Shows::Nothing) return output.empty() ? "" : kNotShown;
  if (shows == Shows::Masked) {
    try {
      mask_of(read_file(staged, kMostSecret)).hide(output);
    } catch (const Error&) {
      return kNotShown;
    }
  }
  // The same fault has the same words, whatever the draft was called.
  replace_all(output, staged, shown);
  std::vector<std::string_view> lines = split_lines(output);
  std::string words;
  std::size_t first = lines.size() > kMostLines ? lines.size() - kMostLines : 0;
  for (std::size_t i = first; i < lines.size(); ++i) words += "\n" + printable(lines[i]);
  return words;
}

std::string ending_of(const ChildRun& run) {
  if (run.timed_out) return fmt::format("didn't end within {} s", kPatience.count());
  if (run.ending.signal != 0) return fmt::format("was killed by signal {}", run.ending.signal);
  return fmt::format("says no (exit status {})", run.ending.status);
}

}  // namespace

bool names_staged_file(std::string_view word) { return with_path(word, "") != with_path(word, "/"); }

void validate_staged(const List& words, const std::string& staged, const std::string& shown, Shows shows) {
  const char* path = std::getenv("PATH");
  Command command{
      .env = {{"PATH", path && *path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
              {"HOME", "/"},
              {"USER", user_name(::geteuid())},
              {"LANG", "C.UTF-8"}}};
  std::vector<std::string> typed;
  for (const Value& word : words) {
    command.argv.push_back(with_path(word.get<std::string>(), staged));
    typed.push_back(printable(word.get<std::string>()));
  }
  Result<ChildRun> run = run_child(command, kPatience, kMostOutput);
  if (!run) throw Error(run.error()).while_doing("validating " + shown);
  if (!run->timed_out && run->ending.signal == 0 && run->ending.status == 0) return;
  throw Error(fmt::format("{} stays as it is: `{}` {}{}", shown, fmt::join(typed, " "), ending_of(*run),
                          last_words(std::move(run->output), staged, shown, shows)));
}

}  // namespace mgmt::file
