// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/svc/systemd.h"

#include <fmt/format.h>
#include <sdbus-c++/Types.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace mgmt::svc {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using events::Bus;
using events::BusError;

namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

// A broken connection is made again, and a systemd that executes itself anew is back, in well under a second.
constexpr Duration kHope = 5s;
// Who changes unit files has the manager reload them at once, as systemctl does; or doesn't, and then they are looked
// at.
constexpr Duration kReloadPatience = 500ms;
// Generators run, and every unit file is read.
constexpr Duration kReloadLimit = 180s;

// A fixed few, not one a unit: dbus-daemon allows 512 a connection, and tries all of them for each signal.
std::vector<std::string> matches() {
  std::vector<std::string> rules{
      "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
      "member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
      "type='signal',sender='org.freedesktop.systemd1',path_namespace='/org/freedesktop/systemd1/unit',"
      "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='org.freedesktop.systemd1.Unit'",
  };
  for (const char* member : {"JobRemoved", "UnitFilesChanged", "Reloading"})
    rules.push_back(fmt::format("type='signal',sender='{}',path='{}',interface='{}',member='{}'", kService,
                                kManagerPath, kManager, member));
  return rules;
}

// As systemd escapes what an object's path can't hold.
std::string object_path(std::string_view unit) {
  std::string path = "/org/freedesktop/systemd1/unit/";
  bool first = true;
  for (char c : unit) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
    if (plain) path += c;
    else path += fmt::format("_{:02x}", static_cast<unsigned char>(c));
    first = false;
  }
  return path;
}

using UnitRow = sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                              sdbus::ObjectPath, std::uint32_t, std::string, sdbus::ObjectPath>;

// What a reply holds; one of another shape than documented is a BusError too.
template <class T>
std::expected<T, BusError> parsed(sdbus::MethodReply& reply) {
  try {
    T value;
    reply >> value;
    return value;
  } catch (const sdbus::Error& error) {
    return std::unexpected(BusError(error.getName(), "systemd's answer can't be read: " + error.getMessage()));
  }
}

template <class T>
T parsed_or_throw(sdbus::MethodReply reply) {
  auto value = parsed<T>(reply);
  if (!value) throw std::move(value.error());
  return std::move(*value);
}

template <class T>
T property_value(sdbus::MethodReply reply) {
  auto value = parsed_or_throw<sdbus::Variant>(std::move(reply));
  try {
    return value.get<T>();
  } catch (const sdbus::Error& error) {
    throw BusError(error.getName(), "systemd's answer can't be read: " + error.getMessage());
  }
}

}  // namespace

// --- Who hears of what

Systemd::Watcher::Watcher(std::shared_ptr<Systemd> systemd, const std::string& unit, bool of_files, Call call)
    : systemd_(std::move(systemd)), of_files_(of_files), call_(std::move(call)) {
  follow(object_path(unit));
  if (of_files_) ++systemd_->file_watchers_;
}

Systemd::Watcher::~Watcher() {
  if (of_files_) --systemd_->file_watchers_;
  for (const std::string& path : paths_) {
    auto found = systemd_->watchers_.find(path);
    found->second.erase(this);
    if (found->second.empty()) systemd_->watchers_.erase(found);
  }
}

void Systemd::Watcher::follow(const std::string& path) {
  if (paths_.insert(path).second) systemd_->watchers_[path].insert(this);
}

void Systemd::tell(const std::string& path, Watcher::Event event, std::string_view active) {
  auto found = watchers_.find(path);
  if (found == watchers_.end()) return;
  for (Watcher* watcher : found->second) watcher->call_(event, active);
}

void Systemd::tell_all(Watcher::Event event) {
  for (const auto& [path, watchers] : watchers_) {
    for (Watcher* watcher : watchers) {
      // One that follows several paths hears it once.
      if (path != *watcher->paths_.begin() || (event == Watcher::Event::Files && !watcher->of_files_)) continue;
      watcher->call_(event, {});
    }
  }
}

// --- The connection

Systemd::Systemd(Loop& loop, bool session)
    : loop_(loop),
      session_(session),
      hope_(loop),
      again_(loop),
      upness_(loop),
      no_reload_(loop),
      jobs_(loop),
      bus_(std::make_unique<Bus>(loop, session ? Bus::Which::Session : Bus::Which::System, matches(),
                                 static_cast<Bus::Listener&>(*this))) {}

std::shared_ptr<Systemd> Systemd::of(Services& services, bool session) {
  std::weak_ptr<void>& shared = services.shared[session ? "systemd of the user" : "systemd"];
  auto systemd = std::static_pointer_cast<Systemd>(shared.lock());
  if (!systemd) {
    systemd = std::make_shared<Systemd>(services.loop, session);
    shared = systemd;
  }
  return systemd;
}

asio::awaitable<void> Systemd::ready() {
  while (!up_) {
    if (failure_) throw BusError(*failure_);
    std::uint64_t seen = upness_.count();
    co_await upness_.more_than(seen);
  }
}

void Systemd::on_connected() { subscribe(); }

void Systemd::on_disconnected(const BusError& why) {
  again_.cancel();
  const char* bus = session_ ? "the user's D-Bus" : "the system's D-Bus";
  fail(BusError(why.name(), fmt::format("can't reach systemd by {}: {}", bus, why.text())));
}

void Systemd::on_owner(const std::string& owner) {
  if (!owner.empty()) return subscribe();
  fail(BusError("org.freedesktop.DBus.Error.NameHasNoOwner", "systemd has left D-Bus"));
}

// Not before this has been answered does the manager tell what happens.
void Systemd::subscribe() {
  again_.cancel();
  bus_->call(manager_call("Subscribe"), [this, mine = ++subscription_](Reply reply) {
    if (mine != subscription_) return;
    // A manager that was executed anew may remember us.
    if (!reply && reply.error().name() != "org.freedesktop.systemd1.AlreadySubscribed") {
      again_.after(delay_, [this] { subscribe(); });
      delay_ = std::min(delay_ * 2, Bus::kLongestDelay);
      return fail(BusError(reply.error().name(), "systemd doesn't answer on D-Bus: " + reply.error().text()));
    }
    up_ = true;
    delay_ = Bus::kFirstDelay;
    failure_.reset();
    hope_.cancel();
    upness_.add();
    tell_all(Watcher::Event::Unknown);
  });
}

void Systemd::fail(const BusError& why) {
  ++subscription_;
  no_reload_.cancel();
  held_signals_ = 0;
  if (std::exchange(up_, false)) {
    hope_ends_ = Clock::now() + kHope;
    jobs_.add();  // those who wait for a job see that we are not up
    tell_all(Watcher::Event::Unknown);
  }
  if (failure_ || Clock::now() >= hope_ends_) {
    failure_ = why;
    upness_.add();
    return;
  }
  hope_.at(hope_ends_, [this, why] {
    failure_ = why;
    upness_.add();
  });
}

// --- Signals

void Systemd::on_signal(sdbus::Message& signal) {
  try {
    std::string member = signal.getMemberName();
    if (member == "PropertiesChanged") return on_unit_signal(signal);
    if (member == "JobRemoved") return on_job_removed(signal);
    if (member == "UnitFilesChanged") {
      if (own_changes_ > 0) ++held_signals_;
      else on_files_changed();
    } else if (member == "Reloading") {
      bool begins = false;
      signal >> begins;
      no_reload_.cancel();
      memory_is_old_ = false;
      if (!begins) tell_all(Watcher::Event::Unknown);
    } else if (member == "NameOwnerChanged") {
      std::string name, before, after;
      signal >> name >> before >> after;
      on_owner(after);
    }
  } catch (const sdbus::Error&) {
    // Not as documented: all that can be said is that something happened.
    tell_all(Watcher::Event::Unknown);
  }
}

void Systemd::on_unit_signal(sdbus::Message& signal) {
  std::string path = signal.getPath();
  if (!watchers_.contains(path)) return;
  std::string interface;
  std::map<std::string, sdbus::Variant> changed;
  signal >> interface >> changed;
  auto active = changed.find("ActiveState");
  tell(path, Watcher::Event::State, active == changed.end() ? std::string() : active->second.get<std::string>());
}

void Systemd::on_job_removed(sdbus::Message& signal) {
  std::uint32_t id = 0;
  sdbus::ObjectPath job;
  std::string unit, result;
  signal >> id >> job >> unit >> result;
  if (jobs_under_way_ > 0) {
    ended_jobs_[job] = result;
    jobs_.add();
  }
  tell(object_path(unit), Watcher::Event::State, {});
}

void Systemd::on_files_changed() {
  if (file_watchers_ <= kFewUnits) return tell_all(Watcher::Event::Files);
  memory_is_old_ = true;
  no_reload_.after(kReloadPatience, [this] { tell_all(Watcher::Event::Files); });
}

// --- Calls

Bus::Call Systemd::manager_call(std::string method, std::function<void(sdbus::MethodCall&)> arguments) const {
  return {.destination = kService,
          .path = kManagerPath,
          .interface = kManager,
          .method = std::move(method),
          .arguments = std::move(arguments)};
}

asio::awaitable<sdbus::MethodReply> Systemd::call(Bus::Call call) {
  auto answer = std::make_shared<Answer<Reply>>(loop_);
  bus_->call(std::move(call), [answer](Reply reply) { answer->set(std::move(reply)); });
  Reply reply = co_await answer->get();
  if (!reply) throw std::move(reply.error());
  co_return std::move(*reply);
}

asio::awaitable<sdbus::MethodReply> Systemd::property(std::string path, std::string interface, std::string name) {
  Bus::Call get{.destination = kService,
                .path = std::move(path),
                .interface = kProperties,
                .method = "Get",
                .arguments = [interface, name](sdbus::MethodCall& message) { message << interface << name; }};
  co_return co_await call(std::move(get));
}

asio::awaitable<UnitState> Systemd::read(std::string unit) {
  auto answer = std::make_shared<Answer<Result<UnitState>>>(loop_);
  if (reads_.empty()) loop_.post([self = shared_from_this()] { self->read_batch(); });
  reads_.push_back({std::move(unit), answer});
  auto state = co_await answer->get();
  if (!state) throw std::move(state.error());
  co_return std::move(*state);
}

void Systemd::read_batch() {
  auto batch = std::make_shared<std::vector<Read>>(std::exchange(reads_, {}));
  auto ask = [batch](sdbus::MethodCall& message) {
    std::vector<std::string> units;
    units.reserve(batch->size());
    for (const Read& read : *batch) units.push_back(read.unit);
    message << units;
  };
  bus_->call(manager_call("ListUnitsByNames", ask), [batch](Reply reply) {
    auto rows = reply ? parsed<std::vector<UnitRow>>(*reply)
                      : std::expected<std::vector<UnitRow>, BusError>(std::unexpected(reply.error()));
    if (rows && rows->size() != batch->size())
      rows = std::unexpected(
          BusError("org.freedesktop.DBus.Error.InvalidArgs", "systemd's answer has other units than asked for"));
    for (std::size_t i = 0; i < batch->size(); ++i) {
      Answer<Result<UnitState>>& answer = *(*batch)[i].answer;
      if (!rows) {
        answer.set(std::unexpected(rows.error()));
        continue;
      }
      const UnitRow& row = (*rows)[i];
      answer.set(UnitState{.id = std::get<0>(row),
                           .load = std::get<2>(row),
                           .active = std::get<3>(row),
                           .sub = std::get<4>(row),
                           .path = std::get<6>(row),
                           .has_job = std::get<7>(row) != 0});
    }
  });
}

asio::awaitable<std::string> Systemd::file_state(std::string unit, std::string path) {
  if (file_watchers_ <= kFewUnits || memory_is_old_ || path.empty()) {
    auto ask = [unit](sdbus::MethodCall& message) { message << unit; };
    co_return parsed_or_throw<std::string>(co_await call(manager_call("GetUnitFileState", ask)));
  }
  co_return property_value<std::string>(co_await property(std::move(path), kUnit, "UnitFileState"));
}

asio::awaitable<bool> Systemd::unit_flag(std::string path, std::string name) {
  co_return property_value<bool>(co_await property(std::move(path), kUnit, std::move(name)));
}

asio::awaitable<std::string> Systemd::service_property(std::string path, std::string name) {
  co_return property_value<std::string>(
      co_await property(std::move(path), "org.freedesktop.systemd1.Service", std::move(name)));
}

asio::awaitable<Systemd::Names> Systemd::unit_files() {
  auto answer = std::make_shared<Answer<Result<Names>>>(loop_);
  listings_.push_back(answer);
  if (listings_.size() == 1)
    bus_->call(manager_call("ListUnitFiles"), [this](Reply reply) {
      Result<Names> names = names_in(std::move(reply));
      for (const auto& each : std::exchange(listings_, {})) each->set(names);
    });
  auto names = co_await answer->get();
  if (!names) throw std::move(names.error());
  co_return std::move(*names);
}

Systemd::Result<Systemd::Names> Systemd::names_in(Reply reply) {
  using Row = sdbus::Struct<std::string, std::string>;
  if (!reply) return std::unexpected(std::move(reply.error()));
  auto rows = parsed<std::vector<Row>>(*reply);
  if (!rows) return std::unexpected(std::move(rows.error()));
  auto names = std::make_shared<std::vector<std::string>>();
  for (const Row& row : *rows) names->push_back(std::get<0>(row).substr(std::get<0>(row).rfind('/') + 1));
  return names;
}

// One of the few jobs that may be under way, from before its call, so that the end of one that ends at once isn't
// missed.
class Systemd::JobSlot {
 public:
  explicit JobSlot(std::shared_ptr<Systemd> systemd) : systemd_(std::move(systemd)) {}
  ~JobSlot() {
    if (!taken_) return;
    while (!systemd_->job_queue_.empty()) {
      auto next = std::move(systemd_->job_queue_.front());
      systemd_->job_queue_.pop_front();
      if (next.use_count() == 1) continue;  // who waited was cancelled
      next->set(true);                      // and has the slot now
      return;
    }
    if (--systemd_->jobs_under_way_ == 0) systemd_->ended_jobs_.clear();
  }
  JobSlot(const JobSlot&) = delete;
  JobSlot& operator=(const JobSlot&) = delete;

  asio::awaitable<void> take() {
    if (systemd_->jobs_under_way_ < kJobsAtOnce) {
      ++systemd_->jobs_under_way_;
    } else {
      auto turn = std::make_shared<Answer<bool>>(systemd_->loop_);
      systemd_->job_queue_.push_back(turn);
      co_await turn->get();
    }
    taken_ = true;
  }

 private:
  std::shared_ptr<Systemd> systemd_;
  bool taken_ = false;
};

asio::awaitable<std::string> Systemd::run_job(std::string method, std::string unit) {
  JobSlot slot(shared_from_this());
  co_await slot.take();
  auto ask = [unit](sdbus::MethodCall& message) { message << unit << std::string("replace"); };
  std::string job = parsed_or_throw<sdbus::ObjectPath>(co_await call(manager_call(std::move(method), ask)));
  while (true) {
    std::uint64_t seen = jobs_.count();
    if (auto ended = ended_jobs_.find(job); ended != ended_jobs_.end()) {
      std::string result = ended->second;
      ended_jobs_.erase(ended);
      co_return result;
    }
    if (!up_)
      throw BusError("org.freedesktop.DBus.Error.Disconnected", "the connection to systemd broke while it worked");
    co_await jobs_.more_than(seen);
  }
}

asio::awaitable<bool> Systemd::change_files(FileChange what, std::string unit, bool in_run) {
  const char* method = what == FileChange::Enable    ? "EnableUnitFiles"
                       : what == FileChange::Disable ? "DisableUnitFiles"
                       : what == FileChange::Mask    ? "MaskUnitFiles"
                                                     : "UnmaskUnitFiles";
  auto ask = [unit, what, in_run](sdbus::MethodCall& message) {
    message << std::vector<std::string>{unit} << in_run;
    if (what == FileChange::Enable || what == FileChange::Mask) message << /*force=*/true;
  };
  auto answer = std::make_shared<Answer<Result<bool>>>(loop_);
  ++own_changes_;
  bus_->call(manager_call(method, ask), [this, what, answer](Reply reply) {
    --own_changes_;
    using Change = sdbus::Struct<std::string, std::string, std::string>;
    Result<bool> changed = false;
    try {
      if (!reply) throw BusError(reply.error());
      bool has_install_section = false;
      std::vector<Change> changes;
      if (what == FileChange::Enable) *reply >> has_install_section;
      *reply >> changes;
      changed = !changes.empty();
    } catch (const BusError& error) {
      changed = std::unexpected(error);
    } catch (const sdbus::Error& error) {
      changed = std::unexpected(BusError(error.getName(), "systemd's answer can't be read: " + error.getMessage()));
    }
    // The manager tells of what it did for us right before it answers: that is no news.
    if (changed && *changed && held_signals_ > 0) --held_signals_;
    if (std::exchange(held_signals_, 0) > 0) on_files_changed();
    answer->set(std::move(changed));
  });
  auto changed = co_await answer->get();
  if (!changed) throw std::move(changed.error());
  co_return *changed;
}

asio::awaitable<void> Systemd::reload() {
  auto answer = std::make_shared<Answer<Result<bool>>>(loop_);
  if (reloads_.empty() && !reloading_) loop_.post([self = shared_from_this()] { self->reload_batch(); });
  reloads_.push_back(answer);
  auto done = co_await answer->get();
  if (!done) throw std::move(done.error());
}

void Systemd::reload_batch() {
  if (reloading_ || reloads_.empty()) return;
  reloading_ = true;
  auto call = manager_call("Reload");
  call.limit = kReloadLimit;
  bus_->call(std::move(call), [this, batch = std::exchange(reloads_, {})](Reply reply) {
    reloading_ = false;
    for (const auto& answer : batch) {
      if (reply) answer->set(true);
      else answer->set(std::unexpected(reply.error()));
    }
    reload_batch();
  });
}

}  // namespace mgmt::svc
