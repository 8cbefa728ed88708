// SPDX-License-Identifier: GPL-3.0-or-later
// What the program knows of exec without running anything: parameters, rules, documentation.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/exec/docs.h"
#include "src/resources/exec/exec.h"
#include "src/resources/exec/params.h"
#include "src/resources/secrets.h"

namespace mgmt {
namespace {

using namespace exec;

bool is_variable_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
}

void require_absolute(SourcePos pos, ParamIndex index, std::string_view path, Diagnostics& diagnostics) {
  if (path.starts_with('/')) return;
  diagnostics.error(pos,
                    fmt::format("`{}` of exec is not an absolute path: `{}`", kParams[index].name, printable(path)),
                    path.starts_with('~') ? "`~` is the shell's: write the home folder out" : "a path begins with `/`");
}

void validate_cmd(const Declaration& declaration, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  SourcePos pos = params.pos_or(kCmd, declaration.pos);
  std::size_t words = split_words(params.get_or<std::string>(kCmd, declaration.name)).size();
  if (words == 0)
    diagnostics.error(pos, "`cmd` of exec is empty", "write the command, or leave `cmd` out: then it is the name");
  const List* args = params.find<List>(kArgs);
  if (args == nullptr || args->empty()) return;
  if (!text_of(params, kShell).empty()) {
    diagnostics.error(params.pos_or(kArgs, pos), "`args` can't be used with `shell`",
                      "write the arguments into `cmd`, or leave `shell` out");
  } else if (words > 1) {
    diagnostics.error(pos, fmt::format("`cmd` has {} words, but with `args` it is the program alone", words),
                      "move the other words to `args`");
  }
}

// What means something to a shell. A blank before: only at the front of a word, for URLs have it too.
constexpr std::array<std::string_view, 12> kShellWords{"|", "&&", ">", "<", ";", "$", "`", "*", "\"", "'", " &", " ~/"};

// Where a shell would act, and none is asked: most likely somebody counts on one.
void warn_of_shell_words(const Declaration& declaration, const CommandParams& command, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  if (!text_of(params, command.shell).empty()) return;
  bool main = command.cmd == kCmd;
  const std::string* set = params.find<std::string>(command.cmd);
  std::string_view text = set ? *set : main ? std::string_view(declaration.name) : std::string_view();
  std::vector<std::string> found;
  for (std::string_view word : kShellWords) {
    bool said = word == " &" && std::ranges::find(found, "`&&`") != found.end();
    if (!text.contains(word) || said) continue;
    if (word.starts_with(' ')) word.remove_prefix(1);
    found.push_back(word == "`" ? "a backtick" : fmt::format("`{}`", word));
  }
  if (found.empty()) return;
  std::vector<std::string_view> words(found.begin(), found.end());
  diagnostics.warning(
      params.pos_or(command.cmd, declaration.pos),
      fmt::format("{} in `{}` {} no meaning without a shell: the program gets {} as written", enumeration(words),
                  kParams[command.cmd].name, words.size() == 1 ? "has" : "have", words.size() == 1 ? "it" : "them"),
      fmt::format("`{}: /bin/sh` gives {} one{}", kParams[command.shell].name, words.size() == 1 ? "it" : "them",
                  main ? "; if it is meant as it stands, write the words after the program in `args`" : ""));
}

void validate_env(const Declaration& declaration, Diagnostics& diagnostics) {
  const Map* env = declaration.params.find<Map>(kEnv);
  if (env == nullptr) return;
  for (std::size_t i = 0; i < env->size(); ++i) {
    const std::string& name = (*env)[i].first;
    if (!is_variable_name(name)) {
      diagnostics.error(declaration.params.item_pos(kEnv, i, declaration.pos),
                        fmt::format("`{}` can't be the name of a variable in `env`", printable(name)),
                        "letters, digits and _, and no digit at the front");
    }
  }
}

void validate_paths(const Declaration& declaration, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  for (ParamIndex index : {kCwd, kIfCwd, kNifCwd, kWatchCwd, kCreates}) {
    std::string_view path = text_of(params, index);
    if (!path.empty()) require_absolute(params.pos_or(index, declaration.pos), index, path, diagnostics);
  }
  if (const List* files = params.find<List>(kWatchFiles)) {
    for (std::size_t i = 0; i < files->size(); ++i)
      require_absolute(params.item_pos(kWatchFiles, i, declaration.pos), kWatchFiles, (*files)[i].get<std::string>(),
                       diagnostics);
  }
}

// A shell or a folder for a command that isn't there: most likely a slip of the keyboard elsewhere.
void warn_of_idle_params(const Declaration& declaration, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  for (const CommandParams& command : {kIf, kNif, kWatch}) {
    if (!text_of(params, command.cmd).empty()) continue;
    for (ParamIndex index : {command.shell, command.cwd}) {
      if (text_of(params, index).empty()) continue;
      diagnostics.warning(
          params.pos_or(index, declaration.pos),
          fmt::format("`{}` has no effect without `{}`", kParams[index].name, kParams[command.cmd].name));
    }
  }
}

void validate_refresh(const Declaration& declaration, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  if (const std::string* cmd = params.find<std::string>(kRefreshCmd); cmd && !cmd->empty() && split_words(*cmd).empty())
    diagnostics.error(params.pos_or(kRefreshCmd, declaration.pos), "`refresh_cmd` of exec is empty",
                      "write the command, or leave it out: then a refresh runs `cmd`");
  if (!params.get_or(kRefreshOnly, false)) return;
  if (!text_of(params, kRefreshCmd).empty())
    diagnostics.error(
        params.pos_or(kRefreshCmd, declaration.pos),
        "with `refresh_only`, `cmd` runs on a refresh, and with `refresh_cmd` it doesn't: it would never run",
        "leave `refresh_only` out, or make it `cmd`");
  for (ParamIndex index : {kWatchCmd, kWatchFiles}) {
    const Params::Item* item = params.find_item(index);
    bool is_set = item && (index == kWatchFiles ? !item->value.get<List>().empty() : !text_of(params, index).empty());
    if (is_set)
      diagnostics.error(item->pos, fmt::format("`{}` doesn't go with `refresh_only`", kParams[index].name),
                        "what it tells would never make `cmd` run");
  }
}

void validate_reverse(const Declaration& declaration, Diagnostics& diagnostics) {
  if (!text_of(declaration.params, kReverseCmd).empty() && !declaration.meta->reverse)
    diagnostics.warning(declaration.params.pos_or(kReverseCmd, declaration.pos),
                        "`reverse_cmd` has no effect without `meta: reverse`");
}

// A text of the kernel's ends at a NUL byte: less would run than is written.
void validate_bytes(const Declaration& declaration, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  auto check = [&](SourcePos pos, ParamIndex index, const std::string& text) {
    if (text.contains('\0')) diagnostics.error(pos, fmt::format("`{}` of exec holds a NUL byte", kParams[index].name));
  };
  for (const Params::Item& item : params.items()) {
    auto pos = [&](std::size_t n) { return params.item_pos(item.index, n, declaration.pos); };
    if (const auto* text = item.value.get_if<std::string>()) check(item.pos, item.index, *text);
    if (const auto* list = item.value.get_if<List>())
      for (std::size_t i = 0; i < list->size(); ++i) check(pos(i), item.index, (*list)[i].get<std::string>());
    if (const auto* map = item.value.get_if<Map>())
      for (std::size_t i = 0; i < map->size(); ++i) check(pos(i), item.index, (*map)[i].second.get<std::string>());
  }
}

void validate(const Declaration& declaration, Diagnostics& diagnostics) {
  validate_bytes(declaration, diagnostics);
  validate_refresh(declaration, diagnostics);
  validate_reverse(declaration, diagnostics);
  validate_cmd(declaration, diagnostics);
  validate_env(declaration, diagnostics);
  validate_paths(declaration, diagnostics);
  warn_of_idle_params(declaration, diagnostics);
  for (const CommandParams& command : {kMain, kRefresh, kIf, kNif, kWatch})
    warn_of_shell_words(declaration, command, diagnostics);
}

// A program without a slash comes from PATH, and what a shell's script runs isn't known, but for its first word.
void need_program(std::string_view command, std::string_view why, std::vector<Need>& into) {
  std::size_t begin = command.find_first_not_of(kWhiteSpace);
  if (begin == command.npos || command[begin] != '/') return;
  std::string_view rest = command.substr(begin);
  into.push_back({.name = clean_path(rest.substr(0, rest.find_first_of(kWhiteSpace))), .why = why});
}

void needs(const Declaration& declaration, std::vector<Need>& into) {
  const Params& params = declaration.params;
  const std::string* cmd = params.find<std::string>(kCmd);
  need_program(cmd ? *cmd : declaration.name, "the program that it runs", into);
  need_program(text_of(params, kRefreshCmd), "the program that it runs on a refresh", into);
  for (const CommandParams& command : {kMain, kIf, kNif, kWatch}) {
    if (command.cmd != kCmd) need_program(text_of(params, command.cmd), "a program that it asks", into);
    need_program(text_of(params, command.shell), "its shell", into);
    if (std::string_view folder = text_of(params, command.cwd); !folder.empty())
      into.push_back({.name = clean_path(folder), .why = "the folder that it works in"});
  }
  if (std::string_view path = text_of(params, kCreates); !path.empty())
    into.push_back({.name = parent_path(clean_path(path)), .why = "the folder of what it creates"});
  if (const List* files = params.find<List>(kWatchFiles)) {
    for (const Value& file : *files) {
      const auto& path = file.get<std::string>();
      into.push_back({.what = path.ends_with('/') ? Need::What::Tree : Need::What::Path,
                      .name = clean_path(path),
                      .why = "it watches it"});
    }
  }
}

std::optional<Error> cannot_undo(const Declaration& declaration) {
  if (text_of(declaration.params, kReverseCmd).empty())
    return Error("what undoes a command isn't known").hint("write it as `reverse_cmd`");
  if (split_words(text_of(declaration.params, kReverseCmd)).empty()) return Error("`reverse_cmd` is empty");
  std::vector<ParamIndex> taken(std::begin(kUndoTakes), std::end(kUndoTakes));
  taken.push_back(kReverseCmd);
  for (ParamIndex index : taken) {
    const Params::Item* item = declaration.params.find_item(index);
    if (item && is_secret(declaration, *item))
      return Error(fmt::format("`{}` is a secret, and what undoes it is kept on the disk", kParams[index].name))
          .hint("let `reverse_cmd` read the secret from a file");
  }
  return std::nullopt;
}

std::string needs_root(const Declaration& declaration) {
  std::string_view user = text_of(declaration.params, kUser), group = text_of(declaration.params, kGroup);
  if (!group.empty()) return fmt::format("runs as group {}", printable(group));
  if (user.empty() || user == std::to_string(::geteuid())) return "";
  const passwd* own = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): before anything runs
  return own && user == own->pw_name ? "" : fmt::format("runs as {}", printable(user));
}

}  // namespace

extern const Kind kExecKind;
constinit const Kind kExecKind{
    .name = "exec",
    .summary = "Runs a command.",
    .params = exec::kParams,
    .obsolete = exec::kObsolete,
    .doc = exec_docs::kDoc,
    .example = exec_docs::kExample,
    .validate = validate,
    .refresh = "`refresh_cmd` runs; without one `cmd` runs once more, if its guards allow it.",
    .outputs = exec::kOutputs,
    .needs = needs,
    .is_guarded =
        [](const Declaration& declaration) {
          return std::ranges::any_of(std::array{kIfCmd, kNifCmd, kCreates},
                                     [&](ParamIndex index) { return !text_of(declaration.params, index).empty(); });
        },
    .needs_root = needs_root,
    .cannot_undo = cannot_undo,
    .create = make_exec,
};

}  // namespace mgmt
