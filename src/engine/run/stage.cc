// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: what waits for its data to be on the disk before it takes its place. A sync takes whatever has come while the
// one before it ran, so that a burst makes few of them, and large ones.
#include <utility>

#include "src/engine/run/engine.h"
#include "src/engine/run/unit.h"

namespace mgmt {

void Engine::end_blocking(Instance& instance, Outcome outcome) {
  if (!outcome.staged) return finish(instance, std::move(outcome));
  if (stopping_) {
    outcome = {};
    return finish(instance, {});
  }
  staged_.push_back({&instance, std::move(outcome)});
  // Posted: more may be among what is delivered together.
  if (staged_syncing_ || std::exchange(staged_sync_posted_, true)) return;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    staged_sync_posted_ = false;
    sync_staged();
  });
}

void Engine::sync_staged() {
  if (staged_syncing_ || staged_.empty()) return;
  in_staged_sync_ = std::exchange(staged_, {});
  std::vector<Unsynced::Data> files;
  files.reserve(in_staged_sync_.size());
  for (const StagedRun& run : in_staged_sync_) files.push_back(run.outcome.staged->data());
  staged_syncing_ = true;
  staged_sync_has_begun_ = std::make_shared<std::atomic<bool>>(false);
  pool_.submit([this, begun = staged_sync_has_begun_, files = std::move(files)]() -> Pool::Done {
    *begun = true;
    auto errors = Unsynced::sync_data(files);
    return [this, errors = std::move(errors)]() mutable { end_sync_staged(std::move(errors)); };
  });
}

void Engine::end_sync_staged(std::vector<std::optional<Error>> errors) {
  staged_syncing_ = false;
  std::vector<StagedRun> runs = std::exchange(in_staged_sync_, {});
  sync_staged();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (errors[i]) {
      // The old file stays.
      runs[i].outcome.staged.reset();
      runs[i].outcome.error = std::move(errors[i]);
      finish(*runs[i].instance, std::move(runs[i].outcome));
    } else {
      finish_staged(*runs[i].instance, std::move(runs[i].outcome));
    }
  }
  check_stopped();
}

void Engine::finish_staged(Instance& instance, Outcome outcome) {
  pool_.submit([this, &instance, outcome = std::move(outcome)]() mutable -> Pool::Done {
    add_apply(outcome, run_unit([&](Outcome&, TimePoint) { outcome.staged->finish(); }));
    return [this, &instance, outcome = std::move(outcome)]() mutable { finish(instance, std::move(outcome)); };
  });
}

// The run is stopped: the old files stay.
void Engine::drop_staged() {
  running_ -= staged_.size() + in_staged_sync_.size();
  staged_.clear();
  in_staged_sync_.clear();
  if (staged_syncing_ && !*staged_sync_has_begun_) {
    // It was among what was dropped, and is no run.
    ++running_;
    staged_syncing_ = false;
  }
}

}  // namespace mgmt
