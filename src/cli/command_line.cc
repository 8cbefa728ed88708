// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cmath>
#include <map>

#include "src/base/text.h"

namespace mgmt::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  mgmt run web.yaml                        bring this machine to the state, and keep it there\n"
    "  mgmt run web.yaml --once                 ... and exit when it is there\n"
    "  mgmt plan web.yaml                       only say what would change, and touch nothing\n"
    "  mgmt check web.yaml                      is the file right?\n"
    "  mgmt graph web.yaml -o web.svg           draw it\n"
    "  mgmt resources file                      what a file resource can do\n";

// "yaml FILE", "FILE" and --file FILE name the same.
Result<std::string> one_file(std::vector<std::string> words, const std::string& option, std::string_view command) {
  if (words.size() == 2 && words[0] == "yaml") words.erase(words.begin());
  if (!option.empty()) words.push_back(option);
  if (words.size() == 1) return words[0];
  if (words.empty())
    return std::unexpected(Error(fmt::format("`mgmt {}` needs the file with the graph", command))
                               .hint(fmt::format("mgmt {} FILE", command)));
  return std::unexpected(Error(fmt::format("`mgmt {}` takes one file, not {}: `{}` and `{}`", command, words.size(),
                                           printable(words[0]), printable(words[1]))));
}

const std::map<std::string, views::Color> kColors{
    {"auto", views::Color::Auto}, {"always", views::Color::Always}, {"never", views::Color::Never}};
const std::map<std::string, views::Format> kFormats{{"auto", views::Format::Auto},
                                                    {"lines", views::Format::Lines},
                                                    {"terminal", views::Format::Terminal},
                                                    {"json", views::Format::Json},
                                                    {"none", views::Format::None}};
const std::map<std::string, report::Notice::Level> kLevels{{"debug", report::Notice::Level::Debug},
                                                           {"info", report::Notice::Level::Info},
                                                           {"warning", report::Notice::Level::Warning},
                                                           {"error", report::Notice::Level::Error}};

template <class T>
Result<T> word(const std::map<std::string, T>& words, const std::string& given, std::string_view option) {
  auto found = words.find(given);
  if (found != words.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [name, value] : words) names.push_back(name);
  return std::unexpected(
      Error(fmt::format("{} can be {}, not `{}`", option, enumeration(names, "or"), printable(given)))
          .hint(did_you_mean(given, names)));
}

// The options of one app, for "did you mean".
std::string nearest_option(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  std::vector<std::string_view> views(names.begin(), names.end());
  return did_you_mean(word, views);
}

}  // namespace

std::optional<Error> hostname_error(const std::string& name) {
  bool good = !name.empty() && name.size() <= 253 && !name.starts_with('.') && !name.starts_with('-');
  for (char c : name)
    good &=
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  if (good) return std::nullopt;
  return Error(fmt::format("`{}` can't be a host's name", printable(name)))
      .hint("letters, digits, `-`, `_` and dots; --hostname NAME");
}

Result<Command> parse_command_line(std::vector<std::string> arguments) {
  CLI::App app("mgmt brings a machine to the state that a graph declares, in parallel, and keeps it there.", "mgmt");
  app.set_help_flag();
  bool help = false;
  bool version_flag = false;
  app.add_flag("-h,--help", help, "Show this help");
  app.add_flag("--version", version_flag, "Show the version");
  app.footer(kExamples);

  RunCommand run;
  std::vector<std::string> run_words;
  std::string run_option;
  double converged = -1, max_runtime = 0;
  bool converged_exit = false;
  std::string color = "auto", format = "auto", level = "info";
  auto* run_app = app.add_subcommand("run", "Bring the machine to the state of a graph, and keep it there");
  run_app->alias("r");
  run_app->set_help_flag();
  run_app->add_flag("-h,--help", help, "Show this help");
  run_app->add_option("FILE", run_words, "The graph, in YAML (also `yaml FILE`)");
  run_app->add_option("-f,--file", run_option, "The same");
  run_app->add_flag("--once", run.once, "Exit at the first moment of convergence")->group("When it ends");
  run_app
      ->add_option("--converged-timeout,--converger-timeout", converged,
                   "Exit after N seconds in which nothing changed (fractions allowed; 0 is --once, below 0 never)")
      ->group("When it ends");
  run_app
      ->add_flag("--detailed-exitcode", run.detailed_exitcode,
                 "Exit with 5, not 0, if it converged and something was changed")
      ->group("When it ends");
  run_app->add_flag("--converged-exit", converged_exit, "Exit when converged, as a converged timeout does")
      ->group("When it ends");
  run_app->add_option("--max-runtime", max_runtime, "Exit after N seconds in any case (7 if it had not converged)")
      ->group("When it ends");
  run_app->add_flag("-n,--noop,--dry-run", run.noop, "Only check, and say what would change")->group("What it does");
  run_app->add_option("--sema", run.sema, "Run at most N resources at the same time")->group("What it does");
  run_app
      ->add_option("--repair-limit", run.repair_limit,
                   "Slow down a resource that is changed back more than N times in 10 s")
      ->capture_default_str()
      ->group("What it does");
  run_app->add_flag("--no-watch", run.no_watch, "Don't follow the file: go on with the graph as it was read")
      ->group("What it does");
  run_app->add_option("--hostname", run.hostname, "The name that other agents know this one by")->group("Who it is");
  run_app->add_option("--prefix", run.prefix, "The folder for what agents share and keep")->group("Who it is");
  run_app->add_flag("--tmp-prefix", run.tmp_prefix, "Use a temporary one, shared with nobody, removed at the end")
      ->group("Who it is");
  run_app
      ->add_option("-g,--graphviz", run.graphviz,
                   "Write the graph as dot text here, and a picture beside it if `dot` is installed")
      ->group("What it shows");
  run_app->add_option("--report", format, "lines, terminal, json (one object a line) or none; auto: by what stdout is")
      ->group("What it shows");
  run_app->add_option("--color", color, "auto, always or never")->group("What it shows");
  run_app->add_option("--log-level", level, "debug, info, warning or error")->group("What it shows");
  run_app->footer(
      "Exit status:\n"
      "  0 fine   2 bad file or command line   4 a resource failed   5 changes were made (with --detailed-exitcode)\n"
      "  6 changes would be made (with --noop)   7 --max-runtime came before convergence\n"
      "  130, 143 a signal before a convergence that was asked for   1 anything else\n"
      "  Where several apply: 2, 4, 7, 6, 5\n");

  PlanCommand plan;
  plan.run.noop = plan.run.once = plan.run.no_watch = true;
  plan.run.view.format = views::Format::None;
  std::vector<std::string> plan_words;
  std::string plan_option;
  auto* plan_app = app.add_subcommand("plan", "Say what a run would change; touch nothing");
  plan_app->set_help_flag();
  plan_app->add_flag("-h,--help", help, "Show this help");
  plan_app->add_option("FILE", plan_words, "The graph, in YAML");
  plan_app->add_option("-f,--file", plan_option, "The same");
  plan_app->add_flag("--json", plan.json, "One JSON document");
  plan_app->add_option("--save", plan.save, "Keep it in this file, for `mgmt apply`");
  plan_app->add_option("--same-as", plan.same_as, "Compare with a saved one: say what moved since, and nothing else");
  plan_app->add_option("--max-runtime", max_runtime, "End after N seconds in any case");
  plan_app->add_option("--sema", plan.run.sema, "Check at most N resources at the same time");
  plan_app->add_option("--hostname", plan.run.hostname, "The name that other agents know this one by");
  plan_app->add_option("--prefix", plan.run.prefix, "The folder for what agents share and keep");
  plan_app->add_option("--color", color, "auto, always or never");
  plan_app->footer(
      "Exit status:\n"
      "  0 nothing to do   2 bad file or command line   4 a check failed, or (--same-as) something moved\n"
      "  6 something would change   7 --max-runtime came before the end   130, 143 a signal   1 anything else\n");

  ApplyCommand apply;
  auto* apply_app = app.add_subcommand("apply", "Do what a saved plan says, exactly, or nothing");
  apply_app->set_help_flag();
  apply_app->add_flag("-h,--help", help, "Show this help");
  std::vector<std::string> apply_words;
  apply_app->add_option("PLAN", apply_words, "What `mgmt plan --save` made");
  apply_app->add_option("--hostname", apply.run.hostname, "The name that other agents know this one by");
  apply_app->add_option("--prefix", apply.run.prefix, "The folder for what agents share and keep");
  apply_app->add_option("--report", format, "lines, terminal, json or none; auto: by what stdout is");
  apply_app->add_option("--color", color, "auto, always or never");
  apply_app->footer(
      "Exit status:\n"
      "  0 done   2 bad file or command line   4 something moved since the plan was made, or a resource failed\n"
      "  130, 143 a signal   1 anything else\n");

  CheckCommand check;
  std::vector<std::string> check_words;
  std::string check_option;
  auto* check_app = app.add_subcommand("check", "Parse and validate a graph; change nothing");
  check_app->set_help_flag();
  check_app->add_flag("-h,--help", help, "Show this help");
  check_app->add_option("FILE", check_words, "The graph, in YAML");
  check_app->add_option("-f,--file", check_option, "The same");

  GraphCommand graph;
  std::vector<std::string> graph_words;
  std::string graph_option;
  auto* graph_app = app.add_subcommand("graph", "Draw a graph");
  graph_app->set_help_flag();
  graph_app->add_flag("-h,--help", help, "Show this help");
  graph_app->add_option("FILE", graph_words, "The graph, in YAML");
  graph_app->add_option("-f,--file", graph_option, "The same");
  graph_app->add_option("-o,--output", graph.output, "out.dot, out.svg or out.png; without it dot text on stdout");

  ResourcesCommand resources;
  auto* resources_app = app.add_subcommand("resources", "The documentation of the kinds of resources");
  resources_app->set_help_flag();
  resources_app->add_flag("-h,--help", help, "Show this help");
  resources_app->add_option("KIND", resources.kind, "One of them");
  resources_app->add_flag("--json", resources.json, "The JSON schema");
  resources_app->add_flag("--markdown", resources.markdown, "As Markdown");

  auto* version_app = app.add_subcommand("version", "The version");
  version_app->set_help_flag();
  version_app->add_flag("-h,--help", help, "Show this help");

  // CLI11 would take the next word for the value of `--flag=`.
  for (const std::string& word : arguments)
    if (word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1)
      return std::unexpected(Error(fmt::format("`{}` has no value behind it", printable(word))));

  const CLI::App* chosen = &app;
  auto find_chosen = [&] {
    for (const CLI::App* command : app.get_subcommands()) chosen = command;
  };
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
    app.parse(reversed);
    find_chosen();
  } catch (const CLI::ExtrasError& error) {
    find_chosen();
    // The first that was not expected, in the order in which it was written.
    std::vector<std::string> extras = app.remaining(true);
    auto first = std::ranges::find_if(
        arguments, [&](const std::string& given) { return std::ranges::find(extras, given) != extras.end(); });
    std::string word = first != arguments.end() ? *first : error.what();
    bool option = word.starts_with('-');
    std::string where = chosen == &app ? "mgmt" : "mgmt " + chosen->get_name();
    std::string hint = nearest_option(*chosen, word.substr(0, word.find('=')));
    return std::unexpected(Error(fmt::format("{} has no {} `{}`", where,
                                             option           ? "option"
                                             : chosen == &app ? "command"
                                                              : "argument",
                                             printable(word)))
                               .hint(hint.empty() ? fmt::format("`{} --help` lists what there is", where) : hint));
  } catch (const CLI::ParseError& error) {
    find_chosen();
    std::string where = chosen == &app ? "mgmt" : "mgmt " + chosen->get_name();
    return std::unexpected(Error(printable(error.what())).hint(fmt::format("`{} --help` lists the options", where)));
  }
  if (help) return HelpCommand{chosen->help()};
  if (version_flag || chosen == version_app) return VersionCommand{};

  if (chosen == run_app) {
    auto file = one_file(run_words, run_option, "run");
    if (!file) return std::unexpected(file.error());
    run.file = *file;
    if (converged_exit && converged < 0) converged = 0;
    if (std::isnan(converged) || std::isnan(max_runtime)) return std::unexpected(Error("a time can't be nan"));
    if (converged >= 0) run.converged_timeout = std::chrono::duration<double>(converged);
    if (max_runtime < 0 || run.sema < 0)
      return std::unexpected(Error(fmt::format("{} can't be negative", max_runtime < 0 ? "--max-runtime" : "--sema")));
    if (max_runtime > 0) run.max_runtime = std::chrono::duration<double>(max_runtime);
    if (!run.hostname.empty())
      if (auto wrong = hostname_error(run.hostname)) return std::unexpected(*wrong);
    if (run.tmp_prefix && !run.prefix.empty())
      return std::unexpected(Error("--prefix and --tmp-prefix exclude each other"));
    auto color_value = word(kColors, color, "--color");
    if (!color_value) return std::unexpected(color_value.error());
    auto format_value = word(kFormats, format, "--report");
    if (!format_value) return std::unexpected(format_value.error());
    auto level_value = word(kLevels, level, "--log-level");
    if (!level_value) return std::unexpected(level_value.error());
    run.view = {.format = *format_value, .color = *color_value, .level = *level_value};
    return run;
  }
  if (chosen == plan_app) {
    auto file = one_file(plan_words, plan_option, "plan");
    if (!file) return std::unexpected(file.error());
    plan.run.file = *file;
    if (!(max_runtime >= 0)) return std::unexpected(Error("--max-runtime can't be negative"));
    if (max_runtime > 0) plan.run.max_runtime = std::chrono::duration<double>(max_runtime);
    if (!plan.run.hostname.empty())
      if (auto wrong = hostname_error(plan.run.hostname)) return std::unexpected(*wrong);
    if (plan.run.sema < 0) return std::unexpected(Error("--sema can't be negative"));
    if (!plan.save.empty() && !plan.same_as.empty())
      return std::unexpected(Error("--save and --same-as exclude each other"));
    auto color_value = word(kColors, color, "--color");
    if (!color_value) return std::unexpected(color_value.error());
    plan.run.view.color = *color_value;
    return plan;
  }
  if (chosen == apply_app) {
    if (apply_words.size() != 1)
      return std::unexpected(Error("`mgmt apply` takes one saved plan").hint("mgmt plan FILE --save PLAN makes it"));
    apply.plan = apply_words[0];
    if (!apply.run.hostname.empty())
      if (auto wrong = hostname_error(apply.run.hostname)) return std::unexpected(*wrong);
    auto color_value = word(kColors, color, "--color");
    if (!color_value) return std::unexpected(color_value.error());
    auto format_value = word(kFormats, format, "--report");
    if (!format_value) return std::unexpected(format_value.error());
    apply.run.view = {.format = *format_value, .color = *color_value};
    return apply;
  }
  if (chosen == check_app) {
    auto file = one_file(check_words, check_option, "check");
    if (!file) return std::unexpected(file.error());
    check.file = *file;
    return check;
  }
  if (chosen == graph_app) {
    auto file = one_file(graph_words, graph_option, "graph");
    if (!file) return std::unexpected(file.error());
    graph.file = *file;
    bool known = graph.output.empty() || graph.output == "-";
    for (const char* suffix : {".dot", ".gv", ".svg", ".png"})
      known |= graph.output.size() > 4 && graph.output.ends_with(suffix);
    if (!known)
      return std::unexpected(Error(fmt::format("`{}` names no kind of picture", printable(graph.output)))
                                 .hint("end it with .dot, .svg or .png; `-` is dot text on stdout"));
    return graph;
  }
  if (chosen == resources_app) return resources;
  return HelpCommand{app.help()};
}

}  // namespace mgmt::cli
