// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/user_database.h"

#include <map>
#include <utility>
#include <vector>

#include "src/events/inotify/file_watcher.h"

namespace mgmt {
namespace {

constexpr const char* kFiles[] = {"/etc/passwd", "/etc/group"};

class UserDatabase {
 public:
  using Id = std::uint64_t;

  explicit UserDatabase(events::FileWatcher& files) {
    for (const char* file : kFiles)
      watches_.push_back(files.watch(file, {.follow = true}, [this](events::FileWatcher::Event) { tell(); }));
  }

  Id add(Notify notify) {
    notify_.emplace(++last_, std::move(notify));
    return last_;
  }
  void remove(Id id) { notify_.erase(id); }

 private:
  // Who is told may go, and others come.
  void tell() {
    std::vector<Id> ids;
    for (const auto& [id, notify] : notify_) ids.push_back(id);
    for (Id id : ids)
      if (auto found = notify_.find(id); found != notify_.end()) Notify(found->second)(Look::Again);
  }

  Id last_ = 0;
  std::map<Id, Notify> notify_;
  std::vector<std::unique_ptr<events::FileWatcher::Watch>> watches_;
};

class Watching : public Subscription {
 public:
  Watching(std::shared_ptr<UserDatabase> database, Notify notify)
      : database_(std::move(database)), id_(database_->add(std::move(notify))) {}
  ~Watching() override { database_->remove(id_); }

 private:
  std::shared_ptr<UserDatabase> database_;
  UserDatabase::Id id_;
};

}  // namespace

std::unique_ptr<Subscription> watch_user_database(Services& services, Notify notify) {
  std::weak_ptr<void>& shared = services.shared["the user database"];
  auto database = std::static_pointer_cast<UserDatabase>(shared.lock());
  if (!database) {
    database = std::make_shared<UserDatabase>(services.files);
    shared = database;
  }
  return std::make_unique<Watching>(std::move(database), std::move(notify));
}

}  // namespace mgmt
