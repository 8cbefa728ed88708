// SPDX-License-Identifier: GPL-3.0-or-later
// Systemd: a systemd manager (the machine's, or the user's) over one D-Bus connection that all svc resources share.
// What they read in one turn of the loop is asked for by one call. See org.freedesktop.systemd1(5).
//
// Lives on the loop's thread. Coroutines throw events::BusError, and operation_aborted when cancelled.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/events/dbus/bus.h"
#include "src/resources/resource.h"
#include "src/resources/svc/answer.h"

namespace mgmt::svc {

/// A unit as the manager has it in memory.
struct UnitState {
  std::string id;
  /// "loaded", "not-found", "masked", "error", "bad-setting".
  std::string load;
  /// "active", "reloading", "inactive", "failed", "activating", "deactivating".
  std::string active;
  std::string sub;
  /// Its object's.
  std::string path;
  /// A job for it is queued or runs.
  bool has_job = false;
};

class Systemd : public std::enable_shared_from_this<Systemd>, private events::Bus::Listener {
 public:
  /// Hears of one unit, for as long as it lives.
  class Watcher {
   public:
    enum class Event {
      /// It may be in another state; `active` is what systemd says, empty if it doesn't.
      State,
      /// A unit file, perhaps this one's, was enabled, disabled, masked or linked.
      Files,
      /// Nothing is known of what happened: the manager has loaded its files anew, or the connection is new.
      Unknown,
    };
    using Call = std::function<void(Event, std::string_view active)>;

    Watcher(std::shared_ptr<Systemd> systemd, const std::string& unit, bool of_files, Call call);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    /// The unit's own object, if its name is an alias.
    void follow(const std::string& path);

   private:
    friend class Systemd;
    std::shared_ptr<Systemd> systemd_;
    std::set<std::string> paths_;
    bool of_files_;
    Call call_;
  };

  Systemd(Loop& loop, bool session);
  /// The one that all resources of `services` share; it ends with the last of them.
  static std::shared_ptr<Systemd> of(Services& services, bool session);

  /// Returns when there is a manager to talk to. Throws what is wrong where there is none; where there was one until a
  /// moment ago, it is waited for.
  boost::asio::awaitable<void> ready();

  boost::asio::awaitable<UnitState> read(std::string unit);
  /// "enabled", "static", "masked"... Throws for a unit without a file.
  boost::asio::awaitable<std::string> file_state(std::string unit, std::string path);
  boost::asio::awaitable<bool> unit_flag(std::string path, std::string property);
  boost::asio::awaitable<std::string> service_property(std::string path, std::string name);
  using Names = std::shared_ptr<const std::vector<std::string>>;
  /// All unit files' names; those who ask while systemd looks for another share what it finds.
  boost::asio::awaitable<Names> unit_files();

  /// Has a job done ("StartUnit", "StopUnit", "ReloadUnit", "TryRestartUnit") and waits for its end: "done", "failed",
  /// "timeout", "dependency", "canceled", "skipped"... A hundred are under way at once, the others wait.
  boost::asio::awaitable<std::string> run_job(std::string method, std::string unit);

  enum class FileChange { Enable, Disable, Mask, Unmask };
  /// In /etc, or, `in_run`, in /run. True if that changed anything; then the manager is to reload().
  boost::asio::awaitable<bool> change_files(FileChange what, std::string unit, bool in_run);
  /// Loads all unit files anew; those who ask while one is under way share the next.
  boost::asio::awaitable<void> reload();

  /// With more units than these that have `startup`, file_state() takes what the manager remembers, which is right
  /// unless a file was changed without a reload: to look at the files costs systemd a walk over all links, each time.
  static constexpr std::size_t kFewUnits = 64;

  /// For each job under way systemd has a match rule of its own on the bus, to see its client go. With more than 512 of
  /// them the bus refuses, and systemd drops its connection.
  static constexpr std::size_t kJobsAtOnce = 100;

 private:
  class JobSlot;
  using Reply = events::Bus::Reply;
  template <class T>
  using Result = std::expected<T, events::BusError>;

  void on_connected() override;
  void on_disconnected(const events::BusError& why) override;
  void on_signal(sdbus::Message& signal) override;
  void on_owner(const std::string& owner);
  void subscribe();
  void on_unit_signal(sdbus::Message& signal);
  void on_job_removed(sdbus::Message& signal);
  void on_files_changed();
  void tell_all(Watcher::Event event);
  void tell(const std::string& path, Watcher::Event event, std::string_view active);
  static Result<Names> names_in(Reply reply);
  void read_batch();
  void reload_batch();
  void fail(const events::BusError& why);
  boost::asio::awaitable<sdbus::MethodReply> call(events::Bus::Call call);
  boost::asio::awaitable<sdbus::MethodReply> property(std::string path, std::string interface, std::string name);
  events::Bus::Call manager_call(std::string method, std::function<void(sdbus::MethodCall&)> arguments = {}) const;

  Loop& loop_;
  bool session_;

  /// Subscribed: every change is told.
  bool up_ = false;
  std::uint64_t subscription_ = 0;
  /// Why not, once nobody hopes any more.
  std::optional<events::BusError> failure_;
  /// Until when a manager that was there is waited for.
  TimePoint hope_ends_{};
  Loop::Timer hope_;
  /// Asks a manager that did not answer.
  Loop::Timer again_;
  Duration delay_ = events::Bus::kFirstDelay;
  Changes upness_;

  std::map<std::string, std::set<Watcher*>> watchers_;
  std::size_t file_watchers_ = 0;
  /// Unit files were changed, and the manager has not reloaded since: it remembers what was.
  bool memory_is_old_ = false;
  Loop::Timer no_reload_;

  struct Read {
    std::string unit;
    std::shared_ptr<Answer<Result<UnitState>>> answer;
  };
  std::vector<Read> reads_;
  std::vector<std::shared_ptr<Answer<Result<Names>>>> listings_;
  std::vector<std::shared_ptr<Answer<Result<bool>>>> reloads_;
  bool reloading_ = false;
  std::size_t jobs_under_way_ = 0;
  std::deque<std::shared_ptr<Answer<bool>>> job_queue_;
  /// While jobs of ours are under way: what has ended, and how.
  std::map<std::string, std::string> ended_jobs_;
  Changes jobs_;
  /// Changes of unit files by us that have not been answered, and the signals meanwhile.
  std::size_t own_changes_ = 0;
  std::size_t held_signals_ = 0;

  // Last, so that it is the first to go.
  std::unique_ptr<events::Bus> bus_;
};

}  // namespace mgmt::svc
