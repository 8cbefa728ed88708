// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/exec/exec.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <iterator>
#include <optional>

#include "src/async/confine.h"
#include "src/async/relay.h"
#include "src/base/duration.h"
#include "src/base/path.h"
#include "src/events/inotify/file_watcher.h"
#include "src/resources/async_resource.h"
#include "src/resources/exec/account.h"
#include "src/resources/exec/command.h"
#include "src/resources/exec/output.h"
#include "src/resources/exec/params.h"
#include "src/resources/exec/run.h"
#include "src/resources/secrets.h"
#include "src/resources/user_database.h"

namespace mgmt {
namespace exec {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr CommandParams kGuards[] = {kIf, kNif};

class FileSubscription : public Subscription {
 public:
  explicit FileSubscription(std::unique_ptr<events::FileWatcher::Watch> watch) : watch_(std::move(watch)) {}

 private:
  std::unique_ptr<events::FileWatcher::Watch> watch_;
};

// A watchcmd for as long as it is subscribed. Each line is an event; when it has ended, what happened until it
// runs again is not known: that is told as `on_gap`.
class WatchCommand : public Subscription {
 public:
  WatchCommand(std::shared_ptr<const Declaration> declaration, Services& services, std::function<void()> on_event,
               std::function<void()> on_gap)
      : declaration_(std::move(declaration)),
        services_(services),
        on_event_(std::move(on_event)),
        on_gap_(std::move(on_gap)),
        again_(services.loop) {
    start();
  }

 private:
  static constexpr Duration kFirstDelay = 1s;
  static constexpr Duration kLongestDelay = 60s;

  void start() {
    started_ = Clock::now();
    if (const Account* known = AccountOf::known(*declaration_)) return start_as(*known);
    account_.emplace(services_.loop, *declaration_, [this](Result<Account> account) {
      if (account) start_as(*account);
      else on_end(account.error().text());
    });
  }

  void start_as(const Account& account) {
    Reading reading{.on_line = [this](report::Output::Stream, std::string_view line) {
      if (!line.empty()) on_event_();
    }};
    run_.emplace(
        services_.loop, services_.spawner, make_command(*declaration_, kWatch, account), 0s, std::move(reading),
        [this](Result<Finished> how) {
          on_end(how ? ending_text(text_of(declaration_->params, kWatchCmd), how->ending) : how.error().text());
        });
  }

  void on_end(const std::string& why) {
    run_.reset();
    if (!warned_) {
      warned_ = true;
      services_.report.emit(
          report::Notice{.level = report::Notice::Level::Warning,
                         .text = fmt::format("{}: watchcmd: {}; starting it again, after 1 s at first and 60 s at most",
                                             declaration_->id(), why),
                         .hint = "a watchcmd runs as long as mgmt does, and prints a line for each event"});
    }
    // One that ran well for a while has not earned the delay of one that fails at once.
    if (Clock::now() - started_ > kLongestDelay) delay_ = kFirstDelay;
    again_.after(delay_, [this] {
      start();
      on_gap_();
    });
    delay_ = std::min(delay_ * 2, kLongestDelay);
  }

  std::shared_ptr<const Declaration> declaration_;
  Services& services_;
  std::function<void()> on_event_, on_gap_;
  std::optional<AccountOf> account_;
  std::optional<CommandRun> run_;
  Loop::Timer again_;
  TimePoint started_;
  Duration delay_ = kFirstDelay;
  bool warned_ = false;
};

class Exec : public AsyncResource {
 public:
  Exec(std::shared_ptr<const Declaration> declaration, Services& services)
      : AsyncResource(std::move(declaration)), services_(services) {}

  void watch(Subscriptions& into, Notify notify) override;
  asio::awaitable<Delta> check(Inputs inputs) override;
  asio::awaitable<void> apply(Delta delta) override;
  std::vector<Value> outputs() const override { return outputs_; }
  Declaration undo() override;
  std::int64_t child() const override { return child_; }

 private:
  std::string_view text(ParamIndex index) const { return text_of(declaration_->params, index); }
  bool is_guarded() const { return !text(kIfCmd).empty() || !text(kNifCmd).empty() || !text(kCreates).empty(); }
  void watch_path(Subscriptions& into, std::string_view path, bool recursive, std::function<void()> on_event);
  // Whether a guard ended with status 0, or all of them allow it; or why one was not run.
  using Answer = std::expected<bool, std::string>;
  asio::awaitable<Answer> ask_guard(CommandParams which, bool dry);
  asio::awaitable<Answer> guards_allow(bool dry);
  bool is_due() const;
  asio::awaitable<void> run(std::shared_ptr<const Declaration> declaration, CommandParams which);
  bool is_created() const;
  void warn_if_not_created();

  Services& services_;
  // Events of our own watch, and how many of them the last run that succeeded answers: without a guard there is
  // no other state to compare with.
  std::uint64_t events_ = 1;
  std::uint64_t answered_ = 0;
  bool warned_ = false;
  pid_t child_ = 0;
  // Which of kOutputs are sent, as the last check was told, and those of the last run; None for what wasn't kept.
  std::uint32_t sends_ = 0;
  std::vector<Value> outputs_ = std::vector<Value>(std::size(kOutputs));
};

void Exec::watch_path(Subscriptions& into, std::string_view path, bool recursive, std::function<void()> on_event) {
  events::FileWatcher::Options options{.recursive = recursive, .follow = true, .only_changes = true};
  into.push_back(std::make_unique<FileSubscription>(services_.files.watch(
      clean_path(path), options, [call = std::move(on_event)](events::FileWatcher::Event) { call(); })));
}

void Exec::watch(Subscriptions& into, Notify notify) {
  auto look = [notify] { notify(Look::Again); };
  auto event = [this, notify] {
    ++events_;
    notify(Look::Again);
  };
  if (std::string_view path = text(kCreates); !path.empty()) watch_path(into, path, false, look);
  if (const List* files = declaration_->params.find<List>(kWatchFiles)) {
    for (const Value& file : *files) {
      const auto& path = file.get<std::string>();
      watch_path(into, path, path.ends_with('/'), event);
    }
  }
  if (!text(kUser).empty() || !text(kGroup).empty())
    into.push_back(watch_user_database(services_, [look](Look) { look(); }));
  // It is the user's program, and does what it likes: not in a dry run.
  if (!text(kWatchCmd).empty() && !declaration_->meta->noop && !services_.noop)
    into.push_back(std::make_unique<WatchCommand>(declaration_, services_, event, look));
}

bool Exec::is_created() const {
  std::string path(text(kCreates));
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw Error::system(errno, "looking for " + path + " (`creates`)");
}

asio::awaitable<Exec::Answer> Exec::ask_guard(CommandParams which, bool dry) {
  std::string_view name = kParams[which.cmd].name;
  std::string command_line(text(which.cmd));
  // Before anything is cut: a part of a secret can't be known again.
  Mask secrets = secrets_of(*declaration_);
  secrets.hide(command_line);
  Finished finished;
  std::string last;
  try {
    // The run's own, should a new graph come meanwhile.
    auto declaration = declaration_;
    Account account = co_await account_of(services_.loop, declaration);
    Command command = make_command(*declaration, which, account);
    // A dry run changes nothing, whatever its guards would like to do.
    OnLine on_line;
    if (dry && !confine::active()) {
      if (!confine::wrap(command)) co_return std::unexpected("this program can't confine it");
      on_line = [&last](report::Output::Stream stream, std::string_view line) {
        if (stream == report::Output::Stream::Stderr) last = line;
      };
    }
    bool wrapped = static_cast<bool>(on_line);
    Reading reading{.on_line = std::move(on_line)};
    finished = co_await run_command(services_.loop, services_.spawner, std::move(command), 0s, std::move(reading));
    if (wrapped && finished.ending.signal == confine::kRefusedSignal) co_return std::unexpected(last);
    if (wrapped && finished.ending.signal == confine::kNotStartedSignal) throw Error(last);
  } catch (Error& error) {
    throw std::move(error).while_doing(std::string(name));
  }
  if (finished.ending.signal != 0) {
    throw Error(fmt::format("{}: {}", name, ending_text(command_line, finished.ending)))
        .hint("it ended without an answer, so `cmd` was not run");
  }
  co_return finished.ending.status == 0;
}

asio::awaitable<Exec::Answer> Exec::guards_allow(bool dry) {
  if (!text(kCreates).empty() && is_created()) co_return false;
  for (const CommandParams& guard : kGuards) {
    if (text(guard.cmd).empty()) continue;
    Answer answer = co_await ask_guard(guard, dry);
    if (!answer)
      co_return std::unexpected(fmt::format("`{}` was not run: {}", kParams[guard.cmd].name, answer.error()));
    bool runs_if = guard.cmd == kIfCmd;
    if (*answer != runs_if) co_return false;
  }
  co_return true;
}

// Whether `cmd` has to run if its guards allow it, without a refresh.
bool Exec::is_due() const {
  if (declaration_->params.get_or(kRefreshOnly, false)) return false;
  // A poll stands for an event at every look.
  bool polled = declaration_->meta->poll.count() > 0;
  bool misses_output = false;
  for (std::size_t i = 0; i < outputs_.size(); ++i) misses_output |= (sends_ >> i & 1) != 0 && outputs_[i].is_none();
  return is_guarded() || polled || answered_ != events_ || misses_output;
}

asio::awaitable<Delta> Exec::check(Inputs inputs) {
  Delta delta;
  sends_ = inputs.sends;
  std::string_view refresh_cmd = text(kRefreshCmd);
  bool due = is_due() || inputs.received, once_more = inputs.refresh && refresh_cmd.empty();
  if (due || once_more) {
    Answer allowed = co_await guards_allow(inputs.dry);
    // A run that is due stands for the refresh.
    std::string param = due ? "cmd" : "refresh";
    if (!allowed)
      delta.changes.push_back({.param = std::move(param), .known = false, .why = allowed.error(), .action = true});
    else if (*allowed)
      delta.changes.push_back({.param = std::move(param), .after = Value(command_text(*declaration_)), .action = true});
  }
  if (inputs.refresh && !refresh_cmd.empty())
    delta.changes.push_back({.param = "refresh", .after = Value(std::string(refresh_cmd)), .action = true});
  co_return delta;
}

asio::awaitable<void> Exec::apply(Delta delta) {
  auto declaration = declaration_;  // the run's own, should a new graph come meanwhile
  child_ = 0;
  bool has_refresh_cmd = !text(kRefreshCmd).empty();
  for (const Change& change : delta.changes) {
    bool refresh = change.param == "refresh" && has_refresh_cmd;
    co_await run(declaration, refresh ? kRefresh : kMain);
  }
}

asio::awaitable<void> Exec::run(std::shared_ptr<const Declaration> declaration, CommandParams which) {
  bool main = which.cmd == kCmd;
  // What happens from here on may come too late for this run.
  std::uint64_t answering = events_;
  std::string command_line = main ? command_text(*declaration) : std::string(text_of(declaration->params, which.cmd));
  // Before anything is cut: a part of a secret can't be known again.
  Mask secrets = secrets_of(*declaration);
  secrets.hide(command_line);
  std::chrono::milliseconds timeout = declaration->params.find_duration(kTimeout).value_or(0ms);
  LastLines last;
  std::string id = declaration->id();
  Reading reading{.hold = [this] { return services_.report.lags(); }};
  reading.on_line = [&](report::Output::Stream stream, std::string_view line) {
    std::string shown_line(line);
    secrets.hide(shown_line);
    last.add(shown_line, stream == report::Output::Stream::Stderr ? LastLines::From::Stderr : LastLines::From::Stdout);
    if (services_.report.wanted()) services_.report.emit(report::Output{id, std::move(shown_line), stream});
  };
  std::vector<Whole> kept(std::size(kOutputs), Whole(kMaxOutput));
  std::uint32_t sends = main ? sends_ : 0;
  if (sends != 0) {
    reading.on_bytes = [&](report::Output::Stream stream, std::string_view data) {
      ParamIndex one = stream == report::Output::Stream::Stdout ? kStdout : kStderr;
      for (ParamIndex output : {one, kBoth})
        if (sends >> output & 1) kept[output].add(data);
    };
  }
  Account account = co_await account_of(services_.loop, declaration);
  Command command = make_command(*declaration, which, account);
  bool relayed = command.on_stop == Command::OnStop::Leave;
  Finished finished =
      co_await run_command(services_.loop, services_.spawner, std::move(command), timeout, std::move(reading));
  child_ = finished.pid;
  if (finished.timed_out)
    throw Error(fmt::format("{} timed out after {}", shown(command_line), duration_text(timeout))).hint(last.text());
  if (relayed && finished.ending.signal == relay::kNotStartedSignal) throw Error(last.last());
  if (finished.ending.signal != 0 || finished.ending.status != 0)
    throw Error(ending_text(command_line, finished.ending)).hint(last.text());
  if (!main) co_return;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i].too_long())
      throw Error(fmt::format("{} printed more than {} bytes on {}: too much to be sent", shown(command_line),
                              kMaxOutput, kOutputs[i].name))
          .hint("let it write a file, and watch that");
  }
  for (std::size_t i = 0; i < kept.size(); ++i)
    outputs_[i] = sends >> i & 1 ? Value(std::move(kept[i]).take()) : Value();
  answered_ = answering;
  warn_if_not_created();
}

Declaration Exec::undo() {
  Declaration undo;
  undo.kind = declaration_->kind;
  undo.name = declaration_->name;
  undo.params.set(kCmd, Value(std::string(text(kReverseCmd))), {});
  for (ParamIndex index : kUndoTakes)
    if (const Params::Item* item = declaration_->params.find_item(index)) undo.params.set(index, item->value, {});
  return undo;
}

// Then it runs again at every look: not wrong for us to do, but hardly what was meant.
void Exec::warn_if_not_created() {
  if (warned_ || text(kCreates).empty() || is_created()) return;
  warned_ = true;
  std::string command_line = command_text(*declaration_);
  secrets_of(*declaration_).hide(command_line);
  services_.report.emit(report::Notice{.level = report::Notice::Level::Warning,
                                       .text = fmt::format("{}: {} ended well, but {} (`creates`) is not there",
                                                           declaration_->id(), shown(command_line), text(kCreates)),
                                       .hint = "it will run again at the next look"});
}

}  // namespace
}  // namespace exec

std::unique_ptr<Resource> make_exec(std::shared_ptr<const Declaration> declaration, Services& services) {
  return std::make_unique<exec::Exec>(std::move(declaration), services);
}

}  // namespace mgmt
