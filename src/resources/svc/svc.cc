// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/svc/svc.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "src/async/confine.h"
#include "src/base/text.h"
#include "src/resources/async_resource.h"
#include "src/resources/svc/asked.h"
#include "src/resources/svc/facts.h"
#include "src/resources/svc/journal.h"
#include "src/resources/svc/systemd.h"

namespace mgmt {
namespace svc {
namespace {

namespace asio = boost::asio;
using events::BusError;
using Event = Systemd::Watcher::Event;
using FileChange = Systemd::FileChange;

// How often a check or apply begins anew when the connection breaks under it.
constexpr int kTries = 3;

Error to_error(const BusError& error, bool session) {
  Error plain(error.text());
  const std::string& name = error.name();
  if (name == "org.freedesktop.DBus.Error.AccessDenied" ||
      name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
    return Error(error.text()).hint("start mgmt as root; `session: true` is for units of one's own");
  if (!error.is_disconnection() && name != "org.freedesktop.DBus.Error.FileNotFound" &&
      name != "org.freedesktop.DBus.Error.Timeout" && !name.starts_with("System.Error"))
    return plain;
  if (session)
    return Error(error.text())
        .hint(
            "`session: true` needs the systemd of the user (`systemctl --user`), found by XDG_RUNTIME_DIR; it is tried "
            "again by itself");
  struct stat found{};
  if (::stat("/run/systemd/system", &found) != 0)  // as sd_booted(3)
    return Error(error.text())
        .hint("this machine was not started with systemd, which is what svc manages; it is tried again by itself");
  return Error(error.text()).hint("systemd runs, but not D-Bus (`apt-get install dbus`); it is tried again by itself");
}

class Svc : public AsyncResource {
 public:
  Svc(std::shared_ptr<const Declaration> declaration, Services& services)
      : AsyncResource(std::move(declaration)),
        services_(services),
        unit_(unit_name(declaration_->name)),
        session_(declaration_->params.get_or(kSession, false)),
        systemd_(Systemd::of(services, session_)),
        events_(services.loop),
        watcher_(systemd_, unit_, !wanted(kStartup).empty(),
                 [this](Event event, std::string_view active) { on_event(event, active); }) {}

  void watch(Subscriptions& into, Notify notify) override;
  bool events_come_late() const override { return true; }
  std::string take_told() override;
  asio::awaitable<Delta> check(Inputs inputs) override;
  asio::awaitable<void> apply(Delta delta) override;

 private:
  // While it lives, events are no reason to look again: the state is read after it.
  class Acting {
   public:
    explicit Acting(Svc& svc) : svc_(svc) { ++svc_.acting_; }
    ~Acting() { --svc_.acting_; }
    Acting(const Acting&) = delete;
    Acting& operator=(const Acting&) = delete;

   private:
    Svc& svc_;
  };

  std::string_view wanted(ParamIndex index) const {
    const auto* text = declaration_->params.find<std::string>(index);
    return text ? std::string_view(*text) : std::string_view();
  }
  void on_event(Event event, std::string_view active);
  Wanted wanted() const {
    return {.name = unit_, .state = wanted(kState), .startup = wanted(kStartup), .session = session_};
  }

  asio::awaitable<UnitState> settled(bool wait_for_start);
  asio::awaitable<Delta> look(Inputs inputs);
  Delta look_at(const Wanted& wanted, Facts facts, const Inputs& inputs) const;
  Delta look_confined(const Inputs& inputs) const;
  asio::awaitable<void> make_so(Delta delta);
  asio::awaitable<void> change_startup();
  asio::awaitable<void> start();
  asio::awaitable<void> refresh();
  asio::awaitable<void> run_job(std::string method, std::string_view doing);
  asio::awaitable<Error> failure(std::string text, UnitState unit, std::chrono::system_clock::time_point since);

  Services& services_;
  std::string unit_;
  bool session_;
  std::shared_ptr<Systemd> systemd_;
  Notify notify_;
  Changes events_;
  Systemd::Watcher watcher_;
  /// ActiveState as it was read last: an event that says the same is no news (our own job's echo).
  std::string last_active_;
  /// The last event that was news, and what it said of ActiveState.
  std::optional<Event> last_event_;
  std::string told_active_;
  int acting_ = 0;
};

void Svc::on_event(Event event, std::string_view active) {
  events_.add();
  if (!notify_ || acting_ > 0) return;
  if (event == Event::State && (active.empty() || active == last_active_)) return;
  last_event_ = event;
  told_active_ = active;
  notify_(Look::Again);
}

std::string Svc::take_told() {
  std::optional<Event> event = std::exchange(last_event_, std::nullopt);
  if (!event) return {};
  switch (*event) {
    case Event::State:
      return told_active_.empty() ? fmt::format("a job of {} ended (JobRemoved)", unit_)
                                  : fmt::format("{} became {} (PropertiesChanged)", unit_, told_active_);
    case Event::Files: return "unit files were changed (UnitFilesChanged)";
    case Event::Unknown: return "systemd read its unit files anew, or came back";
  }
  return {};
}

void Svc::watch(Subscriptions& into, Notify notify) {
  struct Watching : Subscription {
    explicit Watching(Notify& n) : notify(n) {}
    ~Watching() override { notify = nullptr; }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;
    Notify& notify;
  };
  // The connection is made, and subscribed, before a check reads.
  notify_ = std::move(notify);
  into.push_back(std::make_unique<Watching>(notify_));
}

// The unit once it doesn't move; a start is waited for only by who wants it to run.
asio::awaitable<UnitState> Svc::settled(bool wait_for_start) {
  while (true) {
    std::uint64_t seen = events_.count();
    UnitState unit = co_await systemd_->read(unit_);
    watcher_.follow(unit.path);
    last_active_ = unit.active;
    if (!moves(unit, wait_for_start)) co_return unit;
    Acting acting(*this);
    co_await events_.more_than(seen);
  }
}

// In a run that only looks, what comes before it has not made the unit, or changed its file.
Delta Svc::look_at(const Wanted& wanted, Facts facts, const Inputs& inputs) const {
  if (inputs.dry && facts.unit.load == "not-found" && !inputs.changes_before.empty() && wanted.startup != kMasked)
    return not_known(
        wanted, fmt::format("there is no unit {} before {} has changed", unit_, inputs.changes_before.front()->id()));
  if (inputs.dry && changes_its_file(*declaration_, inputs.changes_before)) facts.file_changed = true;
  return difference(wanted, facts);
}

asio::awaitable<Delta> Svc::look(Inputs inputs) {
  Wanted wanted = this->wanted();
  wanted.refresh = inputs.refresh;
  UnitState unit = co_await settled(wanted.state != kStopped);
  Asked asked = wanted.asked(unit);
  Facts facts = co_await facts_of(systemd_, unit_, unit, asked);
  co_return look_at(wanted, facts, inputs);
}

// Where a plan is made no bus can be reached, as what can be called there could change something too: what it has to
// know was asked outside.
Delta Svc::look_confined(const Inputs& inputs) const {
  Wanted wanted = this->wanted();
  wanted.refresh = inputs.refresh;
  const Value* answer = services_.answers ? services_.answers->find("svc", question(*declaration_)) : nullptr;
  if (!answer) return not_known(wanted, "systemd can't be asked where nothing can be changed");
  if (std::string why = why_not(*answer); !why.empty()) return not_known(wanted, why);
  Facts facts = facts_from(*answer);
  if (moves(facts.unit, wanted.state != kStopped))
    return not_known(wanted, fmt::format("{} is just {}", unit_,
                                         facts.unit.has_job ? "being started or stopped" : facts.unit.active));
  return look_at(wanted, std::move(facts), inputs);
}

asio::awaitable<Delta> Svc::check(Inputs inputs) {
  if (inputs.dry && confine::active()) co_return look_confined(inputs);
  for (int left = kTries; true; --left) {
    try {
      {
        Acting acting(*this);
        co_await systemd_->ready();
      }
      co_return co_await look(inputs);
    } catch (const BusError& error) {
      if (!error.is_disconnection() || left <= 1) throw to_error(error, session_);
    }
  }
}

asio::awaitable<void> Svc::apply(Delta delta) {
  Acting acting(*this);
  for (int left = kTries; true; --left) {
    try {
      co_await systemd_->ready();
      co_return co_await make_so(delta);
    } catch (const BusError& error) {
      if (!error.is_disconnection() || left <= 1) throw to_error(error, session_);
    }
  }
}

asio::awaitable<void> Svc::make_so(Delta delta) {
  auto changes = [&](std::string_view param) {
    return std::ranges::any_of(delta.changes, [&](const Change& change) { return change.param == param; });
  };
  std::string_view state = wanted(kState);
  bool masks = wanted(kStartup) == kMasked;
  // What is to be masked is stopped as long as it has a unit file.
  if (changes("state") && masks) co_await run_job("StopUnit", "stopping");
  if (changes("startup")) co_await change_startup();
  if (changes("state") && !masks) {
    if (state == kRunning) co_await start();
    else co_await run_job("StopUnit", "stopping");
  }
  if (changes(kRefresh)) co_await refresh();
  // Events meanwhile were dropped: if it is not so (any more), somebody else moved it, and it is looked at again.
  UnitState unit = co_await settled(state != kStopped);
  if (wanted().is_wrong(unit) && notify_) notify_(Look::Again);
}

asio::awaitable<void> Svc::change_startup() {
  std::string_view startup = wanted(kStartup);
  bool changed = false;
  if (startup == kMasked) {
    changed = co_await systemd_->change_files(FileChange::Mask, unit_, false);
  } else {
    // What somebody set until the next start of the machine (in /run) is undone there.
    std::string before = co_await systemd_->file_state(unit_, {});
    bool in_run = before.ends_with("-runtime");
    if (before.starts_with("masked")) changed = co_await systemd_->change_files(FileChange::Unmask, unit_, in_run);
    bool more = false;
    if (startup == kEnabled) more = co_await systemd_->change_files(FileChange::Enable, unit_, false);
    else more = co_await systemd_->change_files(FileChange::Disable, unit_, before == "enabled-runtime");
    changed = changed || more;
  }
  if (changed) co_await systemd_->reload();
  std::string files = co_await systemd_->file_state(unit_, {});
  if (startup_is(startup, files)) co_return;
  Error error(fmt::format("{} is still `{}`, not `{}`", unit_, files, startup));
  if (startup == kEnabled && starts_disabled(files))
    throw std::move(error).hint(
        "its unit file has no [Install] section that says what it starts with: leave `startup` out");
  throw std::move(error).hint(fmt::format("`systemctl status {}` shows which file says so", unit_));
}

asio::awaitable<Error> Svc::failure(std::string text, UnitState unit, std::chrono::system_clock::time_point since) {
  if (unit.id.ends_with(".service")) {
    std::string result = co_await systemd_->service_property(unit.path, "Result");
    if (!result.empty() && result != "success") text += fmt::format(" ({})", result);
    if (result == "start-limit-hit")
      co_return Error(text).hint(
          fmt::format("it was started too often in a short time: `systemctl reset-failed {}`, or its "
                      "StartLimitBurst",
                      unit_));
  }
  std::string lines = co_await journal_tail(services_.loop, services_.spawner, unit.id, session_, since);
  co_return Error(text).hint(lines.empty() ? fmt::format("`systemctl status {}` may say why", unit_)
                                           : "its journal says last:" + lines);
}

asio::awaitable<void> Svc::run_job(std::string method, std::string_view doing) {
  auto since = std::chrono::system_clock::now();
  std::string result = co_await systemd_->run_job(std::move(method), unit_);
  // Somebody else had systemd do the opposite: what came of it is looked at.
  if (result == "done" || result == "canceled") co_return;
  UnitState unit = co_await systemd_->read(unit_);
  last_active_ = unit.active;
  std::string what = fmt::format("{} {}: {}", doing, unit_, result);
  if (result == "skipped")
    throw Error(what).hint("a condition in its unit file isn't met, so systemd doesn't start it");
  if (result == "dependency")
    throw Error(what).hint(
        fmt::format("a unit that it needs has failed: `systemctl list-dependencies {}` shows which", unit_));
  throw co_await failure(what, unit, since);
}

asio::awaitable<void> Svc::start() {
  auto since = std::chrono::system_clock::now();
  UnitState unit = co_await systemd_->read(unit_);
  if (unit.load == "masked")
    throw Error(fmt::format("{} is masked, so it can't be started", unit_))
        .hint("`startup: enabled` or `startup: disabled` undoes the mask");
  bool is_old = co_await systemd_->unit_flag(unit.path, "NeedDaemonReload");
  if (is_old) co_await systemd_->reload();
  co_await run_job("StartUnit", "starting");
  unit = co_await settled(true);
  if (unit.active == "failed")
    throw co_await failure(fmt::format("{} failed right after its start", unit_), unit, since);
  if (unit.active != "inactive" || !unit.id.ends_with(".service")) co_return;
  std::string type = co_await systemd_->service_property(unit.path, "Type");
  if (type == "oneshot")
    throw Error(fmt::format("{} started well, and ended at once", unit_))
        .hint("what runs once has no state `running`: set RemainAfterExit=yes in its unit file, or use exec");
}

asio::awaitable<void> Svc::refresh() {
  UnitState unit = co_await systemd_->read(unit_);
  bool is_old = co_await systemd_->unit_flag(unit.path, "NeedDaemonReload");
  if (is_old) co_await systemd_->reload();
  bool can_reload = false;
  if (!is_old) can_reload = co_await systemd_->unit_flag(unit.path, "CanReload");
  if (can_reload) co_await run_job("ReloadUnit", "reloading");
  else co_await run_job("TryRestartUnit", "restarting");
}

}  // namespace
}  // namespace svc

std::unique_ptr<Resource> make_svc(std::shared_ptr<const Declaration> declaration, Services& services) {
  return std::make_unique<svc::Svc>(std::move(declaration), services);
}

}  // namespace mgmt
