// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/local_world.h"

#include "src/world/local/worker.h"

namespace mgmt::world::local {

class LocalWorld::Handle : public Watch {
 public:
  Handle(std::shared_ptr<Calls> calls, std::uint64_t id) : calls_(std::move(calls)), id_(id) {}
  ~Handle() override {
    calls_->watches.erase(id_);
    calls_->presences.erase(id_);
    if (calls_->alive) calls_->worker->submit(Worker::Remove{id_});
  }

 private:
  std::shared_ptr<Calls> calls_;
  std::uint64_t id_;
};

LocalWorld::LocalWorld(Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), calls_(std::make_shared<Calls>()) {}

LocalWorld::~LocalWorld() {
  calls_->alive = false;
  calls_->watches.clear();
  calls_->presences.clear();
  worker_.reset();
}

LocalWorld::Worker& LocalWorld::worker() {
  if (!worker_) {
    worker_ = std::make_unique<Worker>(loop_, options_, calls_);
    calls_->worker = worker_.get();
  }
  return *worker_;
}

void LocalWorld::read(std::string prefix, ReadCall call) {
  if (auto error = bad_prefix(prefix)) {
    loop_.post([calls = calls_, call = std::move(call), error = std::move(*error)]() mutable {
      if (calls->alive) call(std::unexpected(std::move(error)));
    });
    return;
  }
  worker().submit(Worker::Read{std::move(prefix), std::move(call)});
}

std::unique_ptr<Watch> LocalWorld::watch(std::string prefix, Revision after, WatchCall call) {
  Worker& to = worker();
  std::uint64_t id = ++calls_->last_id;
  calls_->watches.emplace(id, std::make_shared<WatchCall>(std::move(call)));
  if (auto error = bad_prefix(prefix)) {
    loop_.post([calls = calls_, id, error = std::move(*error)] {
      auto found = calls->watches.find(id);
      if (found == calls->watches.end()) return;
      auto shared = found->second;
      (*shared)(error);
    });
  } else {
    to.submit(Worker::AddWatch{id, std::move(prefix), after});
  }
  return std::make_unique<Handle>(calls_, id);
}

void LocalWorld::commit(Commit commit, CommitCall call) {
  if (auto error = refusal(commit)) {
    loop_.post([calls = calls_, call = std::move(call), error = std::move(*error)]() mutable {
      if (calls->alive && call) call(Refused{std::move(error)});
    });
    return;
  }
  worker().submit(Worker::Write{std::move(commit), std::move(call)});
}

void LocalWorld::claim(std::string name, ClaimCall call) {
  worker().submit(Worker::Take{std::move(name), std::move(call)});
}

std::unique_ptr<Watch> LocalWorld::watch_presence(PresenceCall call) {
  Worker& to = worker();
  std::uint64_t id = ++calls_->last_id;
  calls_->presences.emplace(id, std::make_shared<PresenceCall>(std::move(call)));
  to.submit(Worker::AddPresence{id});
  return std::make_unique<Handle>(calls_, id);
}

void LocalWorld::inject(Fault fault) { worker().fault = fault; }

void LocalWorld::compact(std::move_only_function<void()> done) { worker().submit(Worker::Compact{std::move(done)}); }

}  // namespace mgmt::world::local
