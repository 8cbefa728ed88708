// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/exec/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "src/async/relay.h"
#include "src/base/text.h"
#include "src/resources/exec/exec.h"

namespace mgmt::exec {
namespace {

void set_environment(const Params& params, const Account& account, Command& command) {
  command.env = {{"PATH", account.path}, {"HOME", account.home}, {"USER", account.name}, {"LANG", "C.UTF-8"}};
  const Map* given = params.find<Map>(kEnv);
  if (given == nullptr) return;
  for (const auto& [name, value] : *given) {
    auto same = std::ranges::find(command.env, name, [](const auto& variable) { return variable.first; });
    if (same != command.env.end()) same->second = value.get<std::string>();
    else command.env.emplace_back(name, value.get<std::string>());
  }
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    std::size_t begin = text.find_first_not_of(kWhiteSpace);
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(kWhiteSpace));
    words.emplace_back(word);
    text.remove_prefix(word.size());
  }
}

std::string command_text(const Declaration& declaration) {
  std::string text = declaration.params.get_or<std::string>(kCmd, declaration.name);
  if (const List* args = declaration.params.find<List>(kArgs))
    for (const Value& arg : *args) text.append(" ").append(arg.get<std::string>());
  return text;
}

Command make_command(const Declaration& declaration, const CommandParams& which, const Account& account) {
  const Params& params = declaration.params;
  bool main = which.cmd == kCmd;
  std::string text = params.get_or<std::string>(which.cmd, main ? declaration.name : "");
  std::string shell(text_of(params, which.shell));
  Command command{.argv = {}, .identity = account.identity, .label = declaration.id()};
  if (std::string_view cwd = text_of(params, which.cwd); !cwd.empty()) command.cwd = cwd;
  if (!shell.empty()) {
    command.argv = {shell, "-c", text};
  } else {
    command.argv = split_words(text);
    const List* args = params.find<List>(kArgs);
    if (main && args != nullptr)
      for (const Value& arg : *args) command.argv.push_back(arg.get<std::string>());
  }
  set_environment(params, account, command);
  if (main || which.cmd == kRefreshCmd) {
    std::string_view stop = text_of(params, kStop);
    if (stop == "wait") command.on_stop = Command::OnStop::Wait;
    if (stop == "leave" && relay::wrap(command)) command.on_stop = Command::OnStop::Leave;
  }
  return command;
}

std::string shown(std::string_view command) {
  constexpr std::size_t kWidth = 80;
  std::string_view line = command.substr(0, command.find('\n'));
  std::size_t end = std::min(line.size(), kWidth);
  while (end > 0 && end < line.size() && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return fmt::format("`{}{}`", printable(line.substr(0, end)), end < command.size() ? " ..." : "");
}

std::string ending_text(std::string_view command, const Ending& ending) {
  if (ending.signal == 0) return fmt::format("{} ended with status {}", shown(command), ending.status);
  const char* name = ::sigabbrev_np(ending.signal);
  return fmt::format("{} was killed by signal {}{}", shown(command), ending.signal,
                     name != nullptr ? fmt::format(" (SIG{})", name) : "");
}

}  // namespace mgmt::exec
