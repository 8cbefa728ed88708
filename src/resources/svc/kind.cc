// SPDX-License-Identifier: GPL-3.0-or-later
// What the program knows of svc without systemd: parameters, rules, documentation, and where the rest is.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "src/base/path.h"
#include "src/base/text.h"
#include "src/resources/module.h"
#include "src/resources/svc/docs.h"
#include "src/resources/svc/svc.h"

namespace mgmt {
namespace svc {
namespace {

// systemd.unit(5), without what only systemd itself makes.
constexpr std::array<std::string_view, 10> kUnitTypes{"service",   "socket", "target", "device", "mount",
                                                      "automount", "swap",   "timer",  "path",   "slice"};
constexpr std::size_t kLongestName = 255;

bool has_unit_type(std::string_view name) {
  std::size_t dot = name.rfind('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::ranges::find(kUnitTypes, name.substr(dot + 1)) != kUnitTypes.end();
}

bool is_unit_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(":-_.\\@").find(c) != std::string_view::npos;
}

bool is_unit_name(std::string_view unit) {
  return unit.size() <= kLongestName && std::ranges::all_of(unit, is_unit_character);
}

void validate(const Declaration& declaration, Diagnostics& diagnostics) {
  const Params& params = declaration.params;
  std::string unit = unit_name(declaration.name);
  if (!is_unit_name(unit)) {
    diagnostics.error(declaration.pos, fmt::format("`{}` can't be the name of a unit", printable(declaration.name)),
                      "letters, digits and : - _ . \\ @; systemd-escape(1) gives the name for a path");
  } else if (unit.find("@.") != std::string::npos) {
    diagnostics.error(
        declaration.pos, fmt::format("`{}` is a template, which can't run itself", unit),
        fmt::format("name an instance of it: `{}`", std::string(unit).insert(unit.find("@.") + 1, "NAME")));
  }
  const auto* state = params.find<std::string>(kState);
  const auto* startup = params.find<std::string>(kStartup);
  if (state && startup && *state == kRunning && *startup == kMasked) {
    diagnostics.error(params.pos_or(kStartup, declaration.pos),
                      "a masked unit can't be started, so it can't be `running`",
                      "write `state: stopped`, or another `startup`");
  }
  if (!state && !startup) {
    diagnostics.warning(declaration.pos,
                        fmt::format("`{}` declares nothing of its unit but that it exists", declaration.id()),
                        "`state: running` starts it, `startup: enabled` starts it with the machine");
  }
}

// Where a person's own units live, as systemd.unit(5) says.
std::string user_units() {
  const char* config = std::getenv("XDG_CONFIG_HOME");  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  if (config && *config == '/') return join_path(clean_path(config), "systemd/user");
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
  return home && *home == '/' ? join_path(clean_path(home), ".config/systemd/user") : std::string();
}

void needs(const Declaration& declaration, std::vector<Need>& into) {
  std::string unit = unit_name(declaration.name);
  std::vector<std::string> folders{"/etc/systemd/system", "/usr/lib/systemd/system"};
  if (declaration.params.get_or(kSession, false)) {
    folders = {"/etc/systemd/user", "/usr/lib/systemd/user"};
    if (std::string own = user_units(); !own.empty()) folders.insert(folders.begin(), own);
  }
  std::vector<std::string> names{unit};
  if (std::size_t at = unit.find('@'); at != std::string::npos)
    names.push_back(unit.substr(0, at + 1) + unit.substr(unit.rfind('.')));
  for (const std::string& folder : folders) {
    for (const std::string& name : names) {
      into.push_back({.name = join_path(folder, name), .why = "its unit file"});
      into.push_back({.name = join_path(folder, name + ".d"), .why = "its drop-in files"});
    }
  }
}

std::string needs_root(const Declaration& declaration) {
  return declaration.params.get_or(kSession, false) ? "" : "a unit of the system";
}

// Without the module nothing is known, and why is the answer.
std::vector<Value> answer(const std::vector<std::string>& questions) {
  Result<const Module*> module = load_module("svc");
  if (module) return (*module)->answer(questions);
  Map map;
  map.emplace_back("error", Value(module.error().text()));
  return std::vector<Value>(questions.size(), Value(std::move(map)));
}

std::unique_ptr<Resource> create(std::shared_ptr<const Declaration> declaration, Services& services) {
  return create_from_module("svc", std::move(declaration), services);
}

}  // namespace

std::string unit_name(std::string_view name) {
  return has_unit_type(name) ? std::string(name) : fmt::format("{}.service", name);
}

std::string question(const Declaration& declaration) {
  return (declaration.params.get_or(kSession, false) ? "user " : "system ") + unit_name(declaration.name);
}

std::optional<Question> parse_question(std::string_view text) {
  std::size_t space = text.find(' ');
  std::string_view whose = text.substr(0, space);
  std::string_view unit = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  if ((whose != "user" && whose != "system") || !is_unit_name(unit) || !has_unit_type(unit)) return std::nullopt;
  return Question{.session = whose == "user", .unit = std::string(unit)};
}

bool changes_its_file(const Declaration& declaration, std::span<const Declaration* const> before) {
  std::vector<Need> files;
  for (const Declaration* one : before) {
    std::optional<std::string> path = one->kind->managed_path ? one->kind->managed_path(*one) : std::nullopt;
    if (!path) continue;
    if (files.empty()) needs(declaration, files);
    for (const Need& file : files)
      if (is_within(*path, file.name)) return true;
  }
  return false;
}

}  // namespace svc

extern const Kind kSvcKind;
constinit const Kind kSvcKind{
    .name = "svc",
    .aliases = {{"service"}},
    .summary = "A unit of systemd: whether it runs, and whether it starts with the machine.",
    .params = svc::kParams,
    .doc = svc_docs::kDoc,
    .example = svc_docs::kExample,
    .validate = svc::validate,
    .refresh =
        "A unit that runs is reloaded if it can be, else restarted; restarted as well if its own unit file has "
        "changed. One that this very run has just started, and one that is stopped, is left alone.",
    .needs = svc::needs,
    .needs_root = svc::needs_root,
    .question = svc::question,
    .answer = svc::answer,
    .create = svc::create,
};

}  // namespace mgmt
