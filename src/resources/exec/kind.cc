// SPDX-License-Identifier: GPL-3.0-or-later
// What the program knows of exec without running anything: parameters, rules, documentation.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/base/text.h"
#include "src/resources/exec/docs.h"
#include "src/resources/exec/exec.h"
#include "src/resources/exec/params.h"

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
  if (!path.starts_with('/'))
    diagnostics.error(pos, fmt::format("`{}` of {} is not an absolute path: `{}`", kParams[index].name, "exec", path),
                      "begin it with /");
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

void validate_env(const Declaration& declaration, Diagnostics& diagnostics) {
  const Map* env = declaration.params.find<Map>(kEnv);
  if (env == nullptr) return;
  for (const auto& [name, value] : *env) {
    if (!is_variable_name(name)) {
      diagnostics.error(declaration.params.pos_or(kEnv, declaration.pos),
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
    for (const Value& file : *files)
      require_absolute(params.pos_or(kWatchFiles, declaration.pos), kWatchFiles, file.get<std::string>(), diagnostics);
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

void validate(const Declaration& declaration, Diagnostics& diagnostics) {
  validate_cmd(declaration, diagnostics);
  validate_env(declaration, diagnostics);
  validate_paths(declaration, diagnostics);
  warn_of_idle_params(declaration, diagnostics);
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
    .is_guarded =
        [](const Declaration& declaration) {
          return std::ranges::any_of(std::array{kIfCmd, kNifCmd, kCreates},
                                     [&](ParamIndex index) { return !text_of(declaration.params, index).empty(); });
        },
    .create = make_exec,
};

}  // namespace mgmt
