// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>

#include "src/base/duration.h"
#include "src/base/text.h"
#include "src/cli/since.h"

namespace mgmt::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  mgmt run web.yaml                        bring this machine to the state, and keep it there\n"
    "  mgmt run web.yaml --once                 ... and exit when it is there\n"
    "  mgmt plan web.yaml                       only say what would change, and touch nothing\n"
    "  mgmt check web.yaml                      is the file right?\n"
    "  mgmt graph web.yaml -o web.svg           draw it\n"
    "  mgmt resources file                      what a file resource can do\n"
    "  mgmt history --since 2h                  what was changed, repaired, refreshed; what failed\n"
    "  mgmt why 'file[motd]'                    why it was changed last\n";

// For who types `mgmt` and nothing else: from nothing to a machine that is kept.
constexpr const char* kFirstSteps =
    "mgmt brings a machine to the state that a graph declares, in parallel, and keeps it there.\n\n"
    "  mgmt init                  write a first graph, graph.yaml, with comments\n"
    "  mgmt plan graph.yaml       say what it would change, and touch nothing\n"
    "  mgmt run graph.yaml        bring this machine to that state, and keep it there\n"
    "  mgmt resources file        what a file resource can do\n"
    "  mgmt why 'file[motd]'      why it was changed last\n\n"
    "`mgmt --help` lists all commands, `mgmt run --help` the options of one.\n";

// "yaml FILE", "FILE" and --file FILE name the same.
Result<std::vector<std::string>> graph_files(std::vector<std::string> words, const std::string& option,
                                             std::string_view command) {
  if (words.size() == 2 && words[0] == "yaml") words.erase(words.begin());
  if (!option.empty()) words.push_back(option);
  if (words.empty())
    return std::unexpected(Error(fmt::format("`mgmt {}` needs the file with the graph", command))
                               .hint(fmt::format("mgmt {} FILE", command)));
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].empty())
      return std::unexpected(Error("the name of the file is empty").hint(fmt::format("mgmt {} FILE", command)));
    if (std::find(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i), words[i]) !=
        words.begin() + static_cast<std::ptrdiff_t>(i))
      return std::unexpected(Error(fmt::format("`{}` is given twice", printable(words[i])))
                                 .hint("several files are one graph: each is read once"));
  }
  return words;
}

constexpr const char* kFileDoc =
    "The graph, in YAML: files, folders (their *.yaml), - for standard input; several are one graph";
constexpr const char* kTrustDoc = "Run it as root even if others could have written it";

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

const std::map<std::string, Durability> kDurabilities{
    {"none", Durability::None}, {"burst", Durability::Burst}, {"file", Durability::File}};

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

Result<std::int64_t> whole_number(const std::string& given, std::string_view option, std::int64_t most,
                                  std::string_view hint) {
  std::int64_t number = 0;
  auto [end, failure] = std::from_chars(given.data(), given.data() + given.size(), number);
  bool whole = end == given.data() + given.size() && failure != std::errc::invalid_argument;
  if (whole && failure == std::errc() && number >= 0 && number <= most) return number;
  return std::unexpected(
      Error(fmt::format("{} must be a whole number from 0 to {}, not `{}`", option, most, printable(given)))
          .hint(std::string(hint)));
}

Result<double> seconds(const std::string& given, std::string_view option) {
  double number = 0;
  auto [end, failure] = std::from_chars(given.data(), given.data() + given.size(), number);
  if (failure == std::errc() && end == given.data() + given.size() && !std::isnan(number)) return number;
  if (auto duration = parse_duration(given, "s")) return std::chrono::duration<double>(*duration).count();
  return std::unexpected(Error(fmt::format("{} must be a duration, not `{}`", option, printable(given)))
                             .hint("write 500ms, 5s or 2m; a number alone is in seconds, as in 5 or 0.5"));
}

Result<std::chrono::duration<double>> duration(const std::string& given, std::string_view option) {
  auto span = seconds(given, option);
  if (span && *span >= 0 && std::isfinite(*span)) return std::chrono::duration<double>(*span);
  return std::unexpected(Error(fmt::format("{} must be a duration, not `{}`", option, printable(given)))
                             .hint("write 500ms, 5s or 2m; a number alone is in seconds, as in 5 or 0.5"));
}

std::string command_name(const CLI::App& app) { return app.get_parent() ? "mgmt " + app.get_name() : "mgmt"; }

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  if (name.starts_with("-"))
    for (const CLI::Option* option : app.get_options())
      if (option->check_name(name)) return option;
  return nullptr;
}

std::string hint_for_unknown_option(const CLI::App& app, const std::string& name) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& known : option->get_lnames()) names.push_back("--" + known);
  std::vector<std::string_view> views(names.begin(), names.end());
  if (std::string hint = did_you_mean(name, views); !hint.empty()) return hint;
  const CLI::App& root = app.get_parent() ? *app.get_parent() : app;
  for (const CLI::App* command : root.get_subcommands({}))
    if (find_option(*command, name))
      return fmt::format("it is an option of `{0}`: mgmt {1} {2}", command_name(*command), command->get_name(), name);
  return fmt::format("`{} --help` lists what there is", command_name(app));
}

Error unknown_command(const CLI::App& root, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : root.get_subcommands({})) names.push_back(command->get_name());
  std::vector<std::string_view> views(names.begin(), names.end());
  std::string hint = did_you_mean(word, views);
  bool file = word.ends_with(".yaml") || word.ends_with(".yml") || word.contains('/');
  if (hint.empty()) hint = file ? fmt::format("mgmt run {}", printable(word)) : "`mgmt --help` lists what there is";
  return Error(fmt::format("mgmt has no command `{}`", printable(word))).hint(std::move(hint));
}

// A word that can't be a value that was meant, such as "--once"; "-1" and "-" can.
bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && word[1] != '.' && (word[1] < '0' || word[1] > '9');
}

// What is wrong with the options, in our words: CLI11 has other ones, and takes some of it in silence.
std::optional<Error> check_options(const CLI::App& root, std::span<const std::string> arguments) {
  const CLI::App* app = &root;
  std::map<const CLI::Option*, std::string> seen;
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    if (!looks_like_option(word)) {
      if (app != &root) continue;
      const auto commands = root.get_subcommands({});
      auto named = std::ranges::find_if(commands, [&](const CLI::App* one) { return one->check_name(word); });
      if (named == commands.end()) return unknown_command(root, word);
      app = *named;
      continue;
    }
    std::string name = word.substr(0, word.find('='));
    bool has_value = name.size() < word.size();
    const CLI::Option* option = find_option(*app, name);
    if (!option && !word.starts_with("--")) {
      // Letters in one word: -nh, or -gFILE.
      option = find_option(*app, word.substr(0, 2));
      if (option && word.size() > 2) continue;
    }
    if (!option)
      return Error(fmt::format("{} has no option `{}`", command_name(*app), printable(name)))
          .hint(hint_for_unknown_option(*app, name));
    if (option->get_items_expected_max() == 0) {
      std::string value = has_value ? word.substr(name.size() + 1) : "true";
      if (value != "true" && value != "false")
        return Error(fmt::format("{} is on or off, not `{}`", name, printable(value)))
            .hint(fmt::format("write {} alone", name));
      continue;
    }
    std::string value = has_value ? word.substr(name.size() + 1) : "";
    if (!has_value && i + 1 < arguments.size() && !looks_like_option(arguments[i + 1])) value = arguments[++i];
    std::string form = fmt::format("write {}{}{}", name, name.starts_with("--") ? "=" : " ", option->get_type_name());
    if (value.empty()) return Error(fmt::format("{} has no value", name)).hint(std::move(form));
    if (auto [first, added] = seen.emplace(option, value); !added)
      return Error(fmt::format("{} is given twice: `{}` and `{}`", name, printable(first->second), printable(value)))
          .hint("write it once");
  }
  return std::nullopt;
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
  app.require_subcommand(0, 1);  // `mgmt check run` checks a file named run
  bool help = false;
  bool version_flag = false;
  app.add_flag("-h,--help", help, "Show this help");
  app.add_flag("--version", version_flag, "Show the version");
  app.footer(kExamples);
  auto command = [&](const char* name, const char* summary) {
    CLI::App* sub = app.add_subcommand(name, summary);
    sub->set_help_flag();
    sub->add_flag("-h,--help", help, "Show this help");
    return sub;
  };

  RunCommand run;
  std::vector<std::string> run_words;
  std::string run_option;
  std::string converged_text, max_runtime_text, sema_text, repair_limit_text, recheck_text, repair_period_text,
      allow_removals_text;
  bool converged_exit = false;
  std::string color = "auto", format = "auto", level = "info", durability = "burst";
  auto* run_app = command("run", "Bring the machine to the state of a graph, and keep it there");
  run_app->alias("r");
  run_app->add_option("FILE", run_words, kFileDoc)->type_name("");
  run_app->add_option("-f,--file", run_option, "The same")->type_name("FILE");
  run_app->add_flag("--once", run.once, "Exit at the first moment of convergence")->group("When it ends");
  run_app
      ->add_option("--converged-timeout,--converger-timeout", converged_text,
                   "Exit after so long without a change, in seconds or as in 500ms, 2m (0 is --once, below 0 never)")
      ->type_name("N")
      ->group("When it ends");
  run_app
      ->add_flag("--detailed-exitcode", run.detailed_exitcode,
                 "Exit with 5, not 0, if it converged and something was changed")
      ->group("When it ends");
  run_app->add_flag("--converged-exit", converged_exit, "Exit when converged, as a converged timeout does")
      ->group("When it ends");
  run_app
      ->add_option("--max-runtime", max_runtime_text,
                   "Exit after so long in any case, in seconds or as in 500ms, 2m (7 if it had not converged)")
      ->type_name("N")
      ->group("When it ends");
  run_app->add_flag("-n,--noop,--dry-run", run.noop, "Only check, and say what would change")->group("What it does");
  run_app->add_option("--sema", sema_text, "Run at most N resources at the same time")
      ->type_name("N")
      ->group("What it does");
  run_app
      ->add_option("--repair-limit", repair_limit_text,
                   "Slow down a resource that is changed back more than N times in a --repair-period")
      ->type_name("N")
      ->default_str(std::to_string(run.repair_limit))
      ->group("What it does");
  run_app->add_option("--repair-period", repair_period_text, "... of so many seconds")
      ->type_name("SECONDS")
      ->default_str(fmt::format("{}", run.repair_period.count()))
      ->group("What it does");
  run_app
      ->add_option("--recheck", recheck_text,
                   "How long it takes to look at everything again, slowly, in case no event told of a change; 0: never")
      ->type_name("DURATION")
      ->default_str("30m")
      ->group("What it does");
  run_app
      ->add_option("--allow-removals", allow_removals_text,
                   "Remove up to N entries of file systems in one swap without asking (20, or as the graph says)")
      ->type_name("N")
      ->group("What it does");
  auto add_durability = [&](CLI::App* to) {
    return to
        ->add_option("--durability", durability,
                     "When what is written gets to the disk: none, burst (many files at once) or file (each at once)")
        ->type_name("WHEN");
  };
  add_durability(run_app)->group("What it does");
  run_app->add_flag("--no-watch", run.no_watch, "Don't follow the file: go on with the graph as it was read")
      ->group("What it does");
  run_app
      ->add_flag("--no-tell", run.no_tell,
                 "Don't write to the terminal of who made a repair necessary that it was repaired")
      ->group("What it does");
  run_app->add_flag("--trust-file", run.trust_file, kTrustDoc)->group("What it does");
  run_app->add_option("--hostname", run.hostname, "The name that other agents know this one by")
      ->type_name("NAME")
      ->group("Who it is");
  run_app->add_option("--prefix", run.prefix, "The folder for what agents share and keep")
      ->type_name("FOLDER")
      ->group("Who it is");
  run_app->add_flag("--tmp-prefix", run.tmp_prefix, "Use a temporary one, shared with nobody, removed at the end")
      ->group("Who it is");
  run_app
      ->add_option("-g,--graphviz", run.graphviz,
                   "Write the graph as dot text here, and a picture beside it if `dot` is installed")
      ->type_name("FILE")
      ->group("What it shows");
  run_app->add_option("--trace", run.trace, "Write a trace here, for ui.perfetto.dev or chrome://tracing")
      ->group("What it shows");
  run_app->add_option("--report", format, "lines, terminal, json (one object a line) or none; auto: by what stdout is")
      ->type_name("FORMAT")
      ->group("What it shows");
  run_app->add_option("--color", color, "auto, always or never")->type_name("WHEN")->group("What it shows");
  run_app->add_option("--log-level", level, "debug, info, warning or error")
      ->type_name("LEVEL")
      ->group("What it shows");
  run_app->add_flag("-q,--quiet", run.view.quiet, "Only failures and warnings")->group("What it shows");
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
  auto* plan_app = command("plan", "Say what a run would change; touch nothing");
  plan_app->add_option("FILE", plan_words, kFileDoc)->type_name("");
  plan_app->add_option("-f,--file", plan_option, "The same")->type_name("FILE");
  plan_app->add_flag("--json", plan.json, "One JSON document");
  plan_app->add_option("--save", plan.save, "Keep it in this file, for `mgmt apply`")->type_name("PLAN");
  plan_app->add_option("--same-as", plan.same_as, "Compare with a saved one: say what moved since, and nothing else")
      ->type_name("PLAN");
  plan_app->add_flag("--trust-file", plan.run.trust_file, kTrustDoc);
  plan_app->add_option("--max-runtime", max_runtime_text, "End after N seconds in any case")->type_name("N");
  plan_app->add_option("--sema", sema_text, "Check at most N resources at the same time")->type_name("N");
  plan_app->add_option("--hostname", plan.run.hostname, "The name that other agents know this one by")
      ->type_name("NAME");
  plan_app->add_option("--prefix", plan.run.prefix, "The folder for what agents share and keep")->type_name("DIR");
  plan_app->add_option("--color", color, "auto, always or never")->type_name("WHEN");
  plan_app->footer(
      "Exit status:\n"
      "  0 nothing to do   2 bad file or command line   4 a check failed, or (--same-as) something moved\n"
      "  6 something would change   7 --max-runtime came before the end   130, 143 a signal   1 anything else\n");

  ApplyCommand apply;
  auto* apply_app = command("apply", "Do what a saved plan says, exactly, or nothing");
  std::vector<std::string> apply_words;
  apply_app->add_option("PLAN", apply_words, "What `mgmt plan --save` made")->type_name("");
  apply_app->add_flag("--trust-file", apply.run.trust_file, kTrustDoc);
  apply_app->add_option("--hostname", apply.run.hostname, "The name that other agents know this one by")
      ->type_name("NAME");
  apply_app->add_option("--prefix", apply.run.prefix, "The folder for what agents share and keep")->type_name("DIR");
  add_durability(apply_app);
  apply_app->add_option("--report", format, "lines, terminal, json or none; auto: by what stdout is")
      ->type_name("FORMAT");
  apply_app->add_option("--color", color, "auto, always or never")->type_name("WHEN");
  apply_app->footer(
      "Exit status:\n"
      "  0 done   2 bad file or command line   4 something moved since the plan was made, or a resource failed\n"
      "  130, 143 a signal   1 anything else\n");

  CheckCommand check;
  std::vector<std::string> check_words;
  std::string check_option;
  auto* check_app = command("check", "Parse and validate a graph; change nothing");
  check_app->add_option("FILE", check_words, kFileDoc)->type_name("");
  check_app->add_option("-f,--file", check_option, "The same")->type_name("FILE");

  InitCommand init;
  auto* init_app = command("init", "Write a first graph, with comments");
  init_app->add_option("FILE", init.file, "Where; graph.yaml if it isn't given")->type_name("");

  GraphCommand graph;
  std::vector<std::string> graph_words;
  std::string graph_option;
  auto* graph_app = command("graph", "Draw a graph");
  graph_app->add_option("FILE", graph_words, kFileDoc)->type_name("");
  graph_app->add_option("-f,--file", graph_option, "The same")->type_name("FILE");
  graph_app->add_option("-o,--output", graph.output, "out.dot, out.svg or out.png; without it dot text on stdout")
      ->type_name("FILE");

  graph_app->add_flag("--explain", graph.explain, "Say of each edge why it is there, instead");
  graph_app->add_flag("--json", graph.json, "As JSON, with --explain");

  ResourcesCommand resources;
  auto* resources_app = command("resources", "The documentation of the kinds of resources");
  resources_app->add_option("KIND", resources.kind, "One of them")->type_name("");
  resources_app->add_flag("--json", resources.json, "The JSON schema");
  resources_app->add_flag("--markdown", resources.markdown, "As Markdown");

  auto place = [](CLI::App* command, std::string& prefix, std::string& hostname) {
    command->add_option("--prefix", prefix, "The agent's prefix, if it runs with one");
    command->add_option("--hostname", hostname, "The agent's name, if it runs with one");
  };
  place(graph_app, graph.prefix, graph.hostname);
  graph_app->add_flag("--running", graph.running, "The graph that the agent on this machine runs, in place of a file");

  HistoryCommand history;
  std::string since;
  std::int64_t newest = 0;
  auto* history_app = command("history", "What was changed, repaired and refreshed, and what failed");
  history_app->add_option("--since", since,
                          "Only from then on: 90s, 15m, 2h, 3d or 1w ago, or 2026-11-24[T03:50[:37]]");
  history_app->add_option("--resource", history.resource, "Only of this one: KIND[NAME]");
  history_app->add_option("--limit", newest, "Only the last N");
  history_app->add_flag("--json", history.json, "One object a line");
  place(history_app, history.prefix, history.hostname);

  StatusCommand status;
  auto* status_app = command("status", "What the agent on this machine is doing");
  status_app->add_flag("--orphans", status.orphans,
                       "What mgmt made and the graph no longer mentions, also while no agent runs");
  status_app->add_flag("--json", status.json, "As one object");
  place(status_app, status.prefix, status.hostname);

  WhyCommand why;
  auto* why_app = command("why", "Why a resource was changed last");
  why_app->add_option("RESOURCE", why.resource, "KIND[NAME]");
  why_app->add_flag("--json", why.json, "As one object");
  place(why_app, why.prefix, why.hostname);

  ApproveCommand approve;
  auto* approve_app = command("approve", "Say yes to what a running agent waits with");
  approve_app->add_option("PLAN", approve.plan, "Only if this is what waits")->type_name("");
  place(approve_app, approve.prefix, approve.hostname);

  ReapCommand reap;
  auto* reap_app = command("reap", "Remove what mgmt made and the graph no longer mentions");
  reap_app->add_flag("--yes", reap.yes, "Do it; without it what would be removed is shown");
  reap_app->add_flag("--json", reap.json, "One object a line");
  place(reap_app, reap.prefix, reap.hostname);
  reap_app->footer("Only what is still as mgmt left it is removed. Exit status: 4 if something had to be left.\n");

  SettleCommand settle;
  std::string timeout_text;
  auto* settle_app = command("settle", "Wait until the agent has seen and handled all that has happened by now");
  settle_app->add_option("--timeout", timeout_text, "At most so long")->type_name("DURATION")->default_str("60s");
  settle_app->add_flag("--json", settle.json, "As one object");
  place(settle_app, settle.prefix, settle.hostname);
  settle_app->footer(
      "Exit status: 0 all is as declared   4 a resource failed   7 not yet, when the time was over   1 no agent\n");
  PauseCommand pause;
  std::string pause_time;
  auto* pause_app = command("pause", "Report what differs, and don't repair it for a while");
  pause_app->add_option("RESOURCE", pause.resource, "Only this one: KIND[NAME]; without it all")->type_name("");
  pause_app->add_option("--for", pause_time, "How long: 90s, 30m, 2h or 3d; it ends by itself")->type_name("TIME");
  pause_app->add_option("--reason", pause.reason, "Why; shown by `mgmt status`");
  place(pause_app, pause.prefix, pause.hostname);

  ResumeCommand resume;
  auto* resume_app = command("resume", "End a pause now");
  resume_app->add_option("RESOURCE", resume.resource, "Only of this one: KIND[NAME]; without it all")->type_name("");
  place(resume_app, resume.prefix, resume.hostname);

  WhoseCommand whose;
  auto* whose_app = command("whose", "Which resource manages a path, and why it was changed last");
  whose_app->add_option("PATH", whose.path, "A file, or a folder with all below it")->type_name("");
  whose_app->add_flag("--unmanaged", whose.unmanaged, "What nobody manages in this folder, instead");
  whose_app->add_flag("--json", whose.json, "One object a line");
  place(whose_app, whose.prefix, whose.hostname);

  GetCommand get;
  std::vector<std::string> get_words;
  auto* get_app = command("get", "What is there now, as a graph: running it changes nothing");
  get_app->add_option("KIND", get_words, "`file`, and paths")->type_name("");

  RestoreCommand restore;
  auto* restore_app = command("restore", "Bring back what was in a file before mgmt overwrote it");
  restore_app->add_option("PATH", restore.path, "Of this file; without it what is kept is listed")->type_name("");
  restore_app->add_option("SUM", restore.sum, "Not the last one: the one whose sum begins so")->type_name("");
  restore_app->add_flag("--json", restore.json, "One object a line");
  place(restore_app, restore.prefix, restore.hostname);

  auto* version_app = command("version", "The version");

  if (auto wrong = check_options(app, arguments)) return std::unexpected(std::move(*wrong));
  const CLI::App* chosen = &app;
  auto find_chosen = [&] {
    for (const CLI::App* command : app.get_subcommands()) chosen = command;
  };
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
    app.parse(reversed);
    find_chosen();
  } catch (const CLI::ExtrasError&) {
    find_chosen();
    std::string words;
    for (const std::string& word : app.remaining(true))
      if (word != "--") words += fmt::format("{}`{}`", words.empty() ? "" : " ", printable(word));
    return std::unexpected(Error(fmt::format("{} doesn't take {}", command_name(*chosen), words))
                               .hint(fmt::format("`{} --help` lists what there is", command_name(*chosen))));
  } catch (const CLI::ParseError& error) {
    find_chosen();
    return std::unexpected(
        Error(printable(error.what())).hint(fmt::format("`{} --help` lists the options", command_name(*chosen))));
  }
  if (help) return HelpCommand{chosen->help(chosen == &app ? "" : "mgmt")};
  if (version_flag || chosen == version_app) return VersionCommand{};

  auto set_max_runtime = [&](RunCommand& of) -> std::optional<Error> {
    auto max_runtime = seconds(max_runtime_text.empty() ? "0" : max_runtime_text, "--max-runtime");
    if (!max_runtime) return max_runtime.error();
    if (*max_runtime < 0)
      return Error(fmt::format("--max-runtime can't be negative: `{}`", max_runtime_text))
          .hint("leave it out, or write 0: then there is no limit");
    if (*max_runtime > 0) of.max_runtime = std::chrono::duration<double>(*max_runtime);
    return std::nullopt;
  };
  if (chosen == run_app) {
    auto files = graph_files(run_words, run_option, "run");
    if (!files) return std::unexpected(files.error());
    run.files = std::move(*files);
    auto converged = seconds(converged_text.empty() ? "-1" : converged_text, "--converged-timeout");
    if (!converged) return std::unexpected(converged.error());
    if (converged_exit && *converged < 0) *converged = 0;
    if (*converged >= 0) run.converged_timeout = std::chrono::duration<double>(*converged);
    if (auto wrong = set_max_runtime(run)) return std::unexpected(*wrong);
    for (std::string_view suffix : {".pdf", ".jpg", ".jpeg", ".gif", ".ps"})
      if (run.graphviz.ends_with(suffix))
        return std::unexpected(
            Error(fmt::format("`{}` would be no kind of picture that is drawn here", printable(run.graphviz)))
                .hint("end it with .dot, .svg or .png"));
    auto sema = whole_number(sema_text.empty() ? "0" : sema_text, "--sema", INT32_MAX, "0 is no limit");
    if (!sema) return std::unexpected(sema.error());
    run.sema = *sema;
    if (!repair_limit_text.empty()) {
      auto limit =
          whole_number(repair_limit_text, "--repair-limit", UINT32_MAX, "1000 is what it is if it isn't given");
      if (!limit) return std::unexpected(limit.error());
      run.repair_limit = static_cast<std::uint32_t>(*limit);
    }
    if (!recheck_text.empty()) {
      auto recheck = duration(recheck_text, "--recheck");
      if (!recheck) return std::unexpected(recheck.error());
      run.recheck = *recheck;
    }
    auto period = seconds(repair_period_text.empty() ? "10" : repair_period_text, "--repair-period");
    if (!period) return std::unexpected(period.error());
    if (*period <= 0)
      return std::unexpected(Error(fmt::format("--repair-period must be more than 0: `{}`", repair_period_text))
                                 .hint("10 is what it is if it isn't given"));
    run.repair_period = std::chrono::duration<double>(*period);
    if (!allow_removals_text.empty()) {
      auto allowed = whole_number(allow_removals_text, "--allow-removals", UINT32_MAX, "20 is what it is without it");
      if (!allowed) return std::unexpected(allowed.error());
      run.allow_removals = static_cast<std::uint64_t>(*allowed);
    }
    if (!run.hostname.empty())
      if (auto wrong = hostname_error(run.hostname)) return std::unexpected(*wrong);
    if (run.tmp_prefix && !run.prefix.empty())
      return std::unexpected(Error("--prefix and --tmp-prefix exclude each other")
                                 .hint("--tmp-prefix makes a folder of its own: leave one of them out"));
    auto color_value = word(kColors, color, "--color");
    if (!color_value) return std::unexpected(color_value.error());
    auto format_value = word(kFormats, format, "--report");
    if (!format_value) return std::unexpected(format_value.error());
    auto level_value = word(kLevels, level, "--log-level");
    if (!level_value) return std::unexpected(level_value.error());
    run.view = {.format = *format_value, .color = *color_value, .level = *level_value, .quiet = run.view.quiet};
    auto durability_value = word(kDurabilities, durability, "--durability");
    if (!durability_value) return std::unexpected(durability_value.error());
    run.durability = *durability_value;
    return run;
  }
  if (chosen == plan_app) {
    auto files = graph_files(plan_words, plan_option, "plan");
    if (!files) return std::unexpected(files.error());
    plan.run.files = std::move(*files);
    if (!plan.save.empty() && std::ranges::find(plan.run.files, "-") != plan.run.files.end())
      return std::unexpected(Error("a plan of standard input can't be saved: `mgmt apply` reads the graph again")
                                 .hint("write the graph into a file"));
    if (auto wrong = set_max_runtime(plan.run)) return std::unexpected(*wrong);
    auto sema = whole_number(sema_text.empty() ? "0" : sema_text, "--sema", INT32_MAX, "0 is no limit");
    if (!sema) return std::unexpected(sema.error());
    plan.run.sema = *sema;
    if (!plan.run.hostname.empty())
      if (auto wrong = hostname_error(plan.run.hostname)) return std::unexpected(*wrong);
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
    auto durability_value = word(kDurabilities, durability, "--durability");
    if (!durability_value) return std::unexpected(durability_value.error());
    apply.run.durability = *durability_value;
    return apply;
  }
  if (chosen == check_app) {
    auto files = graph_files(check_words, check_option, "check");
    if (!files) return std::unexpected(files.error());
    check.files = std::move(*files);
    return check;
  }
  for (const std::string* name :
       {&graph.hostname, &history.hostname, &status.hostname, &why.hostname, &approve.hostname, &reap.hostname,
        &restore.hostname, &settle.hostname, &pause.hostname, &resume.hostname, &whose.hostname})
    if (!name->empty())
      if (auto wrong = hostname_error(*name)) return std::unexpected(*wrong);
  if (chosen == history_app) {
    if (newest < 0) return std::unexpected(Error("--limit can't be negative"));
    if (newest > 0) history.limit = static_cast<std::size_t>(newest);
    if (!since.empty()) {
      auto time = parse_since(since, state::now());
      if (!time) return std::unexpected(time.error());
      history.since = *time;
    }
    return history;
  }
  if (chosen == status_app) return status;
  if (chosen == why_app) {
    if (why.resource.empty())
      return std::unexpected(Error("`mgmt why` needs a resource").hint("mgmt why 'file[motd]'"));
    return why;
  }
  if (chosen == approve_app) return approve;
  if (chosen == reap_app) return reap;
  if (chosen == settle_app) {
    if (!timeout_text.empty()) {
      auto timeout = duration(timeout_text, "--timeout");
      if (!timeout) return std::unexpected(timeout.error());
      settle.timeout = *timeout;
    }
    return settle;
  }
  if (chosen == init_app) {
    if (init.file.empty()) init.file = "graph.yaml";
    return init;
  }
  if (chosen == restore_app) return restore;
  if (chosen == pause_app) {
    if (pause_time.empty())
      return std::unexpected(
          Error("`mgmt pause` needs its end").hint("mgmt pause --for 30m --reason \"moving disks\""));
    auto span = parse_duration(pause_time, "s");
    constexpr std::chrono::days kLongest{366};
    if (!span || *span <= std::chrono::seconds(0) || *span > kLongest)
      return std::unexpected(Error(fmt::format("--for doesn't understand `{}`", printable(pause_time)))
                                 .hint("write 90s, 30m, 2h or 3d; at most 366d"));
    pause.time = std::chrono::ceil<std::chrono::seconds>(*span);
    return pause;
  }
  if (chosen == resume_app) return resume;
  if (chosen == whose_app) {
    if (whose.path.empty()) return std::unexpected(Error("`mgmt whose` needs a path").hint("mgmt whose /etc/motd"));
    return whose;
  }
  if (chosen == get_app) {
    if (get_words.size() < 2 || get_words[0] != "file")
      return std::unexpected(Error("`mgmt get` needs a kind and what to look at")
                                 .hint("mgmt get file /etc/motd; `file` is the kind that it knows"));
    get.kind = get_words[0];
    get.names.assign(get_words.begin() + 1, get_words.end());
    return get;
  }
  if (chosen == graph_app && graph.running) {
    if (!graph_words.empty() || !graph_option.empty())
      return std::unexpected(Error("--running takes the graph from the agent, and no file"));
    if (graph.json && !graph.explain) return std::unexpected(Error("--json goes with --explain"));
    if (graph.explain && !graph.output.empty())
      return std::unexpected(Error("--explain prints text, and --output names a file").hint("ask for one of them"));
    if (graph.output.ends_with(".svg") || graph.output.ends_with(".png"))
      return std::unexpected(Error("a running graph comes as dot text").hint("mgmt graph --running | dot -Tsvg"));
    return graph;
  }
  if (chosen == graph_app) {
    auto files = graph_files(graph_words, graph_option, "graph");
    if (!files) return std::unexpected(files.error());
    graph.files = std::move(*files);
    if (graph.json && !graph.explain) return std::unexpected(Error("--json goes with --explain"));
    if (graph.explain && !graph.output.empty())
      return std::unexpected(Error("--explain prints text, and --output names a picture").hint("ask for one of them"));
    bool known = graph.output.empty() || graph.output == "-";
    for (const char* suffix : {".dot", ".gv", ".svg", ".png"})
      known |= graph.output.size() > std::string_view(suffix).size() && graph.output.ends_with(suffix);
    if (!known)
      return std::unexpected(Error(fmt::format("`{}` names no kind of picture", printable(graph.output)))
                                 .hint("end it with .dot, .svg or .png; `-` is dot text on stdout"));
    return graph;
  }
  if (chosen == resources_app) {
    if (resources.json && resources.markdown)
      return std::unexpected(Error("--json and --markdown exclude each other").hint("leave one of them out"));
    return resources;
  }
  return HelpCommand{kFirstSteps};
}

}  // namespace mgmt::cli
