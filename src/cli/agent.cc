// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/agent.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <ranges>
#include <string_view>
#include <vector>

#include "src/async/confine.h"
#include "src/base/fd.h"
#include "src/base/folder.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/last_good.h"
#include "src/cli/needs_root.h"
#include "src/cli/terminal_teller.h"
#include "src/cli/whose.h"
#include "src/engine/transform/prepare.h"
#include "src/resources/dot.h"
#include "src/resources/drafts.h"
#include "src/resources/explain.h"
#include "src/resources/secrets.h"
#include "src/value/json.h"
#include "src/views/entry.h"
#include "src/views/fights.h"
#include "src/views/history.h"
#include "src/views/trace.h"
#include "src/world/local/prefix.h"

namespace mgmt::cli {

using namespace std::chrono_literals;
using Level = report::Notice::Level;

namespace {

constexpr Duration kLongestDrawing = 60s;

// nohup(1) means that the run is to outlive its terminal.
std::vector<int> signals_to_take() {
  std::vector<int> signals{SIGINT, SIGTERM};
  struct sigaction hangup{};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) signals.push_back(SIGHUP);
  return signals;
}

// Whoever started it can lose a terminal; a service has none.
bool has_terminal() { return static_cast<bool>(Fd(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC))); }

// The same for the same text and the same that was collected.
std::uint64_t key_of(std::uint64_t key, const Declarations& collected) {
  for (const auto& declaration : collected) key = key * 31 + fingerprint(*declaration);
  return key;
}

// A whole number may come as one.
std::chrono::duration<double> seconds_of(const Value& request, std::string_view key) {
  const Value* given = member(request, key);
  const auto* fraction = given ? given->get_if<double>() : nullptr;
  const auto* whole = given ? given->get_if<std::int64_t>() : nullptr;
  return std::chrono::duration<double>(fraction ? *fraction : whole ? static_cast<double>(*whole) : 0);
}

Duration to_duration(std::chrono::duration<double> seconds) {
  // What is longer than this never comes.
  constexpr std::chrono::duration<double> kLongest = std::chrono::hours(24 * 365 * 100);
  return std::chrono::duration_cast<Duration>(std::min(seconds, kLongest));
}

// For `mgmt status`.
std::string broken_json(const GraphFiles& files, const Message& what, state::Time since) {
  std::string hint = what.hint.empty() ? "" : R"(, "hint": )" + json_quote(what.hint);
  return fmt::format(R"({{"files": {}, "since": {:.6f}, "place": {}, "error": {}{}}})", json_quote(files.shown()),
                     std::chrono::duration<double>(since.time_since_epoch()).count(), json_quote(what.place),
                     json_quote(what.text), hint);
}

}  // namespace

Agent::Agent(RunCommand command, GraphFiles files, GraphFile file, AgentHooks hooks)
    : command_(std::move(command)), hooks_(std::move(hooks)), files_(std::move(files)), file_(std::move(file)) {
  file_.secrets = {};
  set_broken(std::exchange(file_.broken, std::nullopt));
  command_.hostname = hostname_of(command_.hostname);
  if (command_.tmp_prefix) {
    std::string name = (std::filesystem::temp_directory_path() / ("mgmt-" + command_.hostname + "-XXXXXX")).string();
    if (!::mkdtemp(name.data())) throw Error::system(errno, "making a temporary prefix");
    prefix_ = name;
  } else {
    prefix_ = place_of(command_.prefix, command_.hostname).prefix;
  }
}

Agent::~Agent() {
  socket_.reset();
  settler_.reset();
  resumes_.reset();
  follower_.reset();
  drawer_.reset();
  gate_.reset();
  pausing_.reset();
  engine_.reset();
  drafts::forget();
  sharing_.reset();
  close_state();
  name_.reset();
  if (command_.tmp_prefix) {
    std::error_code ignored;  // a temporary folder that can't be removed is no reason to fail
    std::filesystem::remove_all(prefix_, ignored);
  }
}

void Agent::claim_name() {
  if (command_.noop) return;
  auto claim = world::local::NameLock::claim(prefix_, command_.hostname);
  if (!claim) {
    // Enforcement goes on without; what needs the store says so itself.
    report_.emit(
        report::Notice{Level::Warning,
                       fmt::format("can't tell whether another agent runs here, and what is overwritten isn't kept: {}",
                                   claim.error().text()),
                       "--prefix DIR names another folder"});
    return;
  }
  if (const auto* holder = std::get_if<world::Holder>(&*claim)) {
    throw Error(fmt::format("an agent named `{}` already works under {} (pid {}: {})", command_.hostname, prefix_,
                            holder->pid, printable(holder->command)))
        .hint("--tmp-prefix runs beside it without sharing; --hostname NAME under another name");
  }
  name_.emplace(std::move(std::get<world::local::NameLock>(*claim)));
}

// What a killed run of this agent left half-written is told from what others write by what it recorded.
void Agent::own_drafts() {
  if (!name_) return;
  std::string folder = parent_path(Place{prefix_, command_.hostname}.socket());
  try {
    ensure_private_folder(folder);
    drafts::belong_to(std::move(folder), command_.hostname);
  } catch (const Error&) {
    // Enforcement goes on; `listen` says what is wrong with that folder.
  }
}

// What happens is written down, except in a dry run, which leaves no trace; and where the name isn't ours alone.
void Agent::remember() {
  if (!name_ && !command_.noop) return;
  state_ = std::make_unique<state::AgentState>(
      loop_, state::AgentState::Options{.prefix = prefix_,
                                        .name = command_.hostname,
                                        .warn =
                                            [this](std::string text) {
                                              // At the very end there is no report any more.
                                              if (!report_.wanted()) return fmt::print(stderr, "mgmt: {}\n", text);
                                              report_.emit(report::Notice{Level::Warning, std::move(text)});
                                            },
                                        .read_only = command_.noop});
  undoings_ = std::make_unique<Undoings>(*state_, report_);
  undoings_->on_dropped = [this] { loop_.post([this] { load(collected_); }); };
  if (command_.noop) return;
  keeper_ = std::make_unique<Keeping>(loop_, Place{prefix_, command_.hostname}, [this](std::string text) {
    report_.emit(report::Notice{Level::Warning, std::move(text)});
  });
  report_.add(std::make_unique<views::History>(*state_, [this] { return index_; }));
  auto board = std::make_unique<views::Board>([this] { return index_; }, [this] { return engine_->standing(); });
  board_ = board.get();
  report_.add(std::move(board));
}

void Agent::trace() {
  if (command_.trace.empty()) return;
  Fd file(::open(command_.trace.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) throw Error::system(errno, "writing the trace " + command_.trace);
  report_.add(views::make_trace(std::move(file), [graph = trace_graph_](const std::string& resource) {
    auto index = graph->load();
    return index ? index->before(resource) : std::vector<std::string>();
  }));
}

// For `mgmt status` and its like; an agent that can't be asked still does its work.
void Agent::listen() {
  if (!name_) return;
  Place place{prefix_, command_.hostname};
  try {
    ensure_private_folder(parent_path(place.socket()));
    socket_ = std::make_unique<AgentSocket>(
        loop_, place.socket(),
        [this](const Value& request, AgentSocket::Reply reply) { on_question(request, std::move(reply)); });
  } catch (const Error& error) {
    report_.emit(
        report::Notice{Level::Warning, "`mgmt status` won't find this agent: " + error.text(), error.hint_text()});
  }
}

void Agent::on_question(const Value& request, AgentSocket::Reply reply) {
  std::string ask = text_of(request, "ask");
  if (ending_) return reply(R"({"error": "it is about to end"})");
  if (ask == "pause")
    return reply(pausing_->pause(request, [this](const std::string& id) { return index_ && index_->contains(id); }));
  if (ask == "resume") return reply(pausing_->resume(request));
  if (ask == "whose")
    return state_->read([](state::Rows&) {},
                        [reply = std::move(reply), index = index_,
                         path = text_of(request, "path")](const Result<void>&) { reply(owners_json(*index, path)); });
  if (ask == "status") return tell_status(std::move(reply));
  if (ask == "history") return tell_history(request, std::move(reply));
  if (ask == "settle") return settler_->ask(to_duration(seconds_of(request, "timeout")), std::move(reply));
  if (ask == "approve") return on_yes(request, reply);
  if (ask == "graph") {
    const Value* explained = member(request, "explain");
    if (!explained || !explained->get_if<bool>() || !explained->get<bool>())
      return reply(fmt::format(R"({{"dot": {}}})", json_quote(to_dot(engine_->graph()))));
    return reply(fmt::format(R"({{"text": {}, "json": {}}})", json_quote(explain(engine_->graph())),
                             json_quote(explain_json(engine_->graph()))));
  }
  if (ask == "why") {
    std::string now = board_->now_of(text_of(request, "resource"));
    // Answered when what has happened by now can be read in the file.
    return state_->read([](state::Rows&) {},
                        [reply = std::move(reply), now = std::move(now)](const Result<void>&) { reply(now); });
  }
  reply(R"({"error": "this agent doesn't know that question"})");
}

// Fights are what the history has. A disk that doesn't answer keeps the rest from nobody.
void Agent::tell_status(AgentSocket::Reply reply) {
  std::uint64_t id = ++last_question_;
  Question& question = *(questions_[id] = std::make_unique<Question>(loop_, std::move(reply)));
  question.patience.after(2s, [this, id] { answer_status(id, {}); });
  auto fights = std::make_shared<std::vector<views::Fight>>();
  state_->read([fights](state::Rows& rows) { *fights = views::fights(rows, state::now()); },
               [this, id, fights](const Result<void>&) { answer_status(id, *fights); });
}

void Agent::answer_status(std::uint64_t id, const std::vector<views::Fight>& fights) {
  auto found = questions_.find(id);
  if (found == questions_.end()) return;
  if (auto reply = std::exchange(found->second->reply, nullptr); reply && board_) {
    std::string status = board_->status(fights, pausing_ ? pausing_->status() : "[]");
    if (std::string waiting = gate_->waiting(); !waiting.empty())
      status.insert(status.size() - 1, ", \"asks\": " + waiting);
    if (broken_)
      status.insert(status.size() - 1, ", \"broken\": " + broken_json(files_, broken_->what, broken_->since));
    reply(std::move(status));
  }
  // Posted: it may be called from its own timer.
  loop_.post([this, id] { questions_.erase(id); });
}

// With `limit: 0` it only brings the file up to date, for who reads that.
void Agent::tell_history(const Value& request, AgentSocket::Reply reply) {
  constexpr std::int64_t kMost = 1000;
  auto number = [&](std::string_view key, std::int64_t fallback) {
    const Value* value = member(request, key);
    const auto* found = value ? value->get_if<std::int64_t>() : nullptr;
    return found ? *found : fallback;
  };
  state::Rows::Query query{
      .resource = text_of(request, "resource"),
      .limit = static_cast<std::size_t>(std::clamp<std::int64_t>(number("limit", kMost), 0, kMost))};
  if (std::int64_t since = number("since", 0); since > 0) query.since = state::Time(std::chrono::seconds(since));
  auto lines = std::make_shared<std::vector<std::string>>();
  state_->read(
      [query, lines](state::Rows& rows) {
        lines->clear();
        rows.history(query, [&](const state::Entry& entry) {
          lines->push_back(views::to_json(entry));
          return true;
        });
      },
      [lines, reply = std::move(reply)](const Result<void>& done) {
        if (!done) return reply(fmt::format(R"({{"error": {}}})", json_quote(done.error().text())));
        std::string list;
        for (const std::string& line : *lines | std::views::reverse) list += (list.empty() ? "" : ", ") + line;
        reply(R"({"entries": [)" + list + "]}");
      });
}

void Agent::close_state() {
  if (!state_) return;
  if (auto closed = state_->close(1s); !closed)
    std::fputs(fmt::format("mgmt: {}\n", closed.error().text()).c_str(), stderr);
  state_.reset();
}

int Agent::run() {
  on_terminal_ = has_terminal();
  // First: threads inherit what is blocked.
  signals_ = std::make_unique<events::Signals>(loop_, signals_to_take(), [this](int signal) { on_signal(signal); });
  raise_descriptor_limit();
  if (auto reader = views::make_reader(command_.view)) {
    shows_ = true;
    report_.add(std::move(reader));
  }
  if (hooks_.reader) report_.add(std::move(hooks_.reader));
  if (!command_.no_tell && !command_.noop)
    report_.add(std::make_unique<TerminalTeller>(
        loop_, [this](const std::string& resource) { return index_ ? index_->place_of(resource) : std::string(); }));
  tell(file_.messages);
  claim_name();
  own_drafts();
  remember();
  trace();
  listen();

  Engine::Options options{
      .noop = command_.noop,
      .window = command_.converged_timeout ? to_duration(*command_.converged_timeout) : Duration(0),
      .ends_when_settled = command_.asks_for_convergence(),
      .once = command_.once || (command_.converged_timeout && command_.converged_timeout->count() == 0),
      .sema = command_.sema,
      .repair_limit = command_.repair_limit,
      .recheck = to_duration(command_.recheck),
      .repair_period = to_duration(command_.repair_period),
      .keep_text = state_ && !command_.noop,
      .store_folder = clean_path(prefix_) + "/db",
      .approve = [this, saved = std::move(hooks_.approve)](const Declaration& declaration,
                                                           const Delta& delta) -> std::optional<Error> {
        if (std::optional<Error> refusal = gate_->approve(declaration, delta)) return refusal;
        return saved ? saved(declaration, delta) : std::nullopt;
      },
      .durability = command_.durability,
      .keeper = keeper_.get(),
      .answers = hooks_.answers};
  sharing_ = std::make_unique<Sharing>(loop_, prefix_, command_.hostname, report_);
  sharing_->on_collected = [this](const Declarations& all) {
    collected_ = all;
    if (!base_->collects.empty()) load(all);
  };
  engine_ = std::make_unique<Engine>(loop_, report_, options, sharing_.get(), command_.noop ? nullptr : state_.get(),
                                     undoings_.get());
  sharing_->on_idle = [this] { engine_->reconsider(); };
  sharing_->on_unreachable = [this] {
    if (!index_ && base_) load(collected_);
  };
  settler_ = std::make_unique<Settler>(loop_, *engine_, [this] { return follower_ && follower_->is_looking(); });
  if (!command_.asks_for_convergence()) {
    resumes_ = std::make_unique<events::Resumes>(loop_, [this] {
      report_.emit(report::Notice{Level::Info, "the machine was asleep: everything is looked at again"});
      engine_->recheck_all();
    });
  }
  engine_->on_settled = [this](bool all_fine) { on_settled(all_fine); };
  open_gate();
  if (!command_.noop && !confine::active())
    pausing_ = std::make_unique<Pausing>(loop_, report_, *engine_, state::pauses_path(prefix_, command_.hostname),
                                         ::geteuid() == 0);
  if (command_.max_runtime) {
    max_runtime_.after(to_duration(*command_.max_runtime), [this] { end(std::nullopt, "--max-runtime reached"); });
  }
  loop_.post([this] { begin(); });
  loop_.run();
  return exit_code_;
}

// With the refreshes that an earlier run still owes, if there are any.
void Agent::begin() {
  if (pausing_) {
    pausing_->begin();
    pausing_->on_change = [this] {
      if (collecting_) follow_world();
    };
    if (std::string few = needs_root(*file_.graph); !few.empty())
      report_.emit(report::Notice{Level::Warning, std::move(few)});
  }
  auto go = [this] {
    adopt(file_.graph);
    keep_last_good();
    if (!ending_ && !command_.no_watch && files_.can_be_followed()) follow_files();
  };
  if (!state_) return go();
  state_->load([this, go](Result<state::Due> due) {
    if (due) {
      engine_->restore_refreshes(std::move(due->rows));
      undoings_->restore(std::move(due->undos));
    } else {
      report_.emit(report::Notice{Level::Warning, "which refreshes are still due can't be told: " + due.error().text(),
                                  due.error().hint_text()});
    }
    go();
  });
}

void Agent::adopt(std::shared_ptr<const ResourceGraph> graph) {
  if (ending_) return;
  base_ = std::move(graph);
  base_key_ = file_.fingerprint.value_or(0);
  graph_is_new_ = true;
  settled_fine_ = false;
  if (!command_.graphviz.empty()) write_graphviz();
  if (confine::active()) {
    if (!base_->collects.empty())
      report_.emit(report::Notice{Level::Warning,
                                  "what other agents export is not in this plan: their store can't be read without "
                                  "writing to it",
                                  "`mgmt run --noop --once` looks at it too"});
    return load(collected_);
  }
  // What an earlier run of this agent has exported, and this graph doesn't, is withdrawn.
  // A noop run makes no store: one that isn't there is an empty one.
  bool has_store = world::local::has_store(prefix_);
  if (command_.noop ? has_store && Sharing::needed(*base_) : has_store || Sharing::needed(*base_)) {
    bool first = !collecting_;
    collecting_ = true;
    follow_world();
    // The first graph waits for what it collects, so that it isn't built twice.
    if (first && !base_->collects.empty()) return;
  }
  load(collected_);
}

// While nothing is to be changed, nothing is withdrawn either.
void Agent::follow_world() { sharing_->follow(*base_, command_.noop || (pausing_ && pausing_->all())); }

void Agent::load(const Declarations& collected) {
  if (ending_) return;
  collected_ = collected;
  Prepared prepared = prepare(undoings_ ? undoings_->add_to(base_, command_.noop) : base_, collected);
  for (std::string& text : prepared.left_out) report_.emit(report::Notice{Level::Warning, std::move(text)});
  for (std::string& text : prepared.notes) report_.emit(report::Notice{Level::Info, std::move(text)});
  Mask secrets;
  for (const auto& declaration : prepared.graph->vertices) secrets.add(secrets_of(*declaration));
  report_.hide(secrets);
  gate_->consider(prepared.graph, [this, graph = prepared.graph, key = key_of(base_key_, collected)] {
    if (!ending_) take(graph, key);
  });
}

void Agent::take(const std::shared_ptr<const ResourceGraph>& graph, std::uint64_t key) {
  settled_fine_ = false;
  bool other_limits = engine_->graph().limits != graph->limits;
  index_ = std::make_shared<GraphIndex>(graph, key);
  trace_graph_->store(index_);
  engine_->load(graph);
  if (other_limits) engine_->retry_failed();
}

void Agent::follow_files() {
  auto wait = [this](std::string text) {
    if (!ending_) report_.emit(report::Notice{Level::Warning, std::move(text)});
  };
  follower_ = std::make_unique<Follower>(
      loop_, engine_->files(), files_,
      Follower::Calls{
          .on_saved = [this] { reload(); }, .on_looked = [this] { settler_->on_file_read(); }, .on_waiting = wait});
}

// A service is told so that its graph has changed.
void Agent::read_again() {
  if (ending_) return;
  bool can = files_.can_be_followed();
  report_.emit(report::Notice{can ? Level::Info : Level::Warning,
                              can ? fmt::format("SIGHUP: reading {} again", files_.shown())
                                  : fmt::format("SIGHUP: {} can't be read again", files_.shown())});
  if (can) reload();
}

void Agent::reload() {
  if (ending_) return;
  GraphFile next = files_.load(file_.fingerprint);
  if (next.fingerprint == file_.fingerprint || (follower_ && !follower_->is_unchanged())) return;
  if (!next.graph) {
    report_.emit(report::Notice{
        Level::Error, fmt::format("{} can't be used as it is now: the running graph goes on", files_.shown())});
    tell(next.messages);
    file_.fingerprint = next.fingerprint;
    set_broken(next.first_error());
    return;
  }
  tell(next.messages);
  set_broken(std::nullopt);
  file_ = std::move(next);
  adopt(file_.graph);
  keep_last_good();
}

// Since when is of the first of several broken edits.
void Agent::set_broken(std::optional<Message> what) {
  if (what) broken_ = Broken{.what = std::move(*what), .since = broken_ ? broken_->since : state::now()};
  else broken_.reset();
}

// For a start at which the file is broken. A run that ends by itself is no agent that would start again, and a dry run
// leaves no trace.
void Agent::keep_last_good() {
  std::vector<GraphText> texts = std::exchange(file_.texts, {});
  file_.secrets = {};
  if (texts.empty() || !name_ || command_.tmp_prefix || command_.asks_for_convergence() || !files_.can_be_followed())
    return;
  try {
    Place place{prefix_, command_.hostname};
    ensure_private_folder(parent_path(place.socket()));
    LastGood(place).keep(files_, texts);
  } catch (const Error& error) {
    if (said_.emplace(error.text(), 1).second)
      report_.emit(report::Notice{Level::Warning,
                                  "this graph can't be kept for a start with a broken file: " + error.text(),
                                  error.hint_text()});
  }
}

// Errors each time; the rest once, and again where an edit brings more of it.
void Agent::tell(const std::vector<Message>& messages) {
  std::map<std::string_view, std::size_t> places;
  for (const Message& message : messages) ++places[message.text];
  for (const Message& message : messages) {
    bool error = message.level == Diagnostic::Level::Error;
    if (auto said = said_.find(message.text); !error && said != said_.end() && said->second >= places[message.text])
      continue;
    if (!shows_) {
      std::fputs(render(message).c_str(), stderr);
      continue;
    }
    Level level = error ? Level::Error : message.level == Diagnostic::Level::Warning ? Level::Warning : Level::Info;
    report_.emit(report::Notice{level, message.text, message.hint, message.place, message.excerpt});
  }
  for (const auto& [text, count] : places) {
    std::size_t& said = said_[std::string(text)];
    said = std::max(said, count);
  }
}

void Agent::write_graphviz() {
  const std::string& path = command_.graphviz;
  // What was asked for and can't be had is a warning; a picture beside the text is there if it can be.
  auto complain = [this](const Error& error) {
    if (said_.emplace(error.text(), 1).second)
      report_.emit(report::Notice{Level::Warning, error.text(), error.hint_text()});
  };
  try {
    std::shared_ptr<const ResourceGraph> graph = prepare(base_, collected_).graph;
    if (!is_picture(path)) replace_file(path, to_dot(*graph), 0644);
    if (!is_picture(path) && !Drawer::available()) return;
    if (!drawer_) {
      drawer_ = std::make_unique<Drawer>(loop_, kLongestDrawing, complain);
      drawer_->on_idle = [this] {
        if (waits_for_picture_) finish();
      };
    }
    drawer_->draw(*graph, is_picture(path) ? path : path + ".png");
  } catch (const Error& error) {
    complain(error);
  }
}

void Agent::on_settled(bool all_fine) {
  settled_fine_ = all_fine;
  gate_->settled();
  if (gate_->busy()) return;  // the next graph decides
  if (command_.asks_for_convergence()) return end(std::nullopt, all_fine ? "converged" : "settled with failures", true);
  // What a graph took and nobody needs any more goes back, once nothing waits for it.
  if (std::exchange(graph_is_new_, false)) trim_timer_.after(200ms, [] { ::malloc_trim(0); });
}

void Agent::on_signal(int signal) {
  if (signal == SIGHUP && !on_terminal_) return read_again();
  if (std::exchange(signalled_, true)) {
    // The second one doesn't wait for anything.
    engine_->kill_commands();
    if (drawer_) drawer_->give_up();
    ::_exit(kSignalBase + signal);
  }
  if (waits_for_picture_) {
    drawer_->give_up();
    return finish();
  }
  if (ending_) return;
  const char* name = signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "SIGHUP";
  std::string outcome = fmt::format("stopped by {}", name);
  if (engine_->has_unsynced()) outcome += "; what was written last may not be on the disk yet";
  end(command_.asks_for_convergence() ? kSignalBase + signal : kOk, std::move(outcome));
}

int Agent::status_of(const report::Summary& summary, bool converged) const {
  bool changed = summary.changed + summary.repaired > 0;
  if (engine_->has_failures()) return kResourceFailed;
  if (!converged) return kNotConverged;
  if ((command_.noop && changed) || summary.withheld > 0) return kPlanHasChanges;
  if (command_.detailed_exitcode && changed) return kConvergedWithChanges;
  return kOk;
}

void Agent::end(std::optional<int> code, std::string outcome, bool wait_for_picture) {
  if (ending_) return;
  ending_ = true;
  exit_code_ = code ? *code : status_of(engine_->summary(), settled_fine_);
  max_runtime_.cancel();
  engine_->stop(900ms, [this, outcome = std::move(outcome), wait_for_picture](bool engine_ended) {
    gate_->stop([this, engine_ended, outcome, wait_for_picture](bool gate_ended) {
      bool all_ended = engine_ended && gate_ended;
      summary_ = engine_->summary();
      summary_.outcome = outcome;
      waits_for_picture_ = wait_for_picture && all_ended && drawer_ && drawer_->busy();
      if (!waits_for_picture_) return finish(all_ended);
      picture_timer_.after(1s, [this] {
        report_.emit(
            report::Notice{Level::Info, "the picture of the graph is still being drawn", "a signal ends that"});
      });
    });
  });
}

void Agent::finish(bool all_ended) {
  waits_for_picture_ = false;
  picture_timer_.cancel();
  if (drawer_) drawer_->give_up();
  report_.emit(std::move(summary_));
  board_ = nullptr;
  socket_.reset();
  // What couldn't be written was not said. What else went wrong says more.
  if (!report_.close() && exit_code_ == kOk) exit_code_ = kOther;
  if (!all_ended) {
    // A thread is stuck in the kernel: nothing here can end it but the end of the process.
    close_state();
    std::fflush(nullptr);
    ::_exit(exit_code_);
  }
  loop_.stop();
}

}  // namespace mgmt::cli
