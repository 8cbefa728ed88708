// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: looks without an event, where one may have been missed or is on its way through others.
#include <algorithm>
#include <random>
#include <utility>

#include "src/engine/run/engine.h"

namespace mgmt {

// What has its own rhythm (`poll`, a retry) keeps it. A command that failed is no state to look at: only `retry` and
// events run it again.
bool Engine::is_rechecked(const Instance& instance) const {
  if (!instance.armed || instance.running || instance.retry_due || instance.holds > 0) return false;
  if (instance.declaration->meta->poll != std::chrono::seconds(0)) return false;
  Schedule::State state = schedule_.state(instance.at);
  return state == Schedule::State::Clean ||
         (state == Schedule::State::Failed && instance.runs == Instance::Runs::Blocking);
}

void Engine::recheck(std::size_t begin, std::size_t end) {
  for (std::size_t v = begin; v < std::min(end, instances_.size()); ++v)
    if (is_rechecked(*instances_[v])) on_look(*instances_[v], Look::Again, report::Cause::Why::Recheck);
}

void Engine::recheck_all() { recheck(0, instances_.size()); }

void Engine::recheck_slowly() {
  if (!recheck_pace_ || stopping_) return;
  RecheckPace::Step step = recheck_pace_->next(instances_.size(), std::uniform_real_distribution<>()(random_));
  recheck_timer_.after(step.wait, [this, step] {
    recheck(step.begin, step.end);
    recheck_slowly();
  });
}

void Engine::catch_up() {
  files_.catch_up();
  // What has failed is looked at by its event or retry: to look is to try once more.
  for (const auto& instance : instances_)
    if (instance->armed && instance->resource->events_come_late() &&
        schedule_.state(instance->at) == Schedule::State::Clean)
      on_look(*instance, Look::Again, report::Cause::Why::Event);
}

void Engine::when_handled(std::move_only_function<void()> call) {
  waiting_.push_back(std::move(call));
  loop_.post([this, alive = alive_] {
    if (*alive) consider();
  });
}

bool Engine::is_handled() const { return nothing_is_to_do() && (retries_due_ == 0 || only_hopeless_retries()); }

void Engine::tell_who_waits() {
  if (waiting_.empty() || !is_handled()) return;
  // What our own last actions caused.
  files_.drain();
  if (!is_handled()) return;
  for (auto& call : std::exchange(waiting_, {})) call();
}

Engine::Tally Engine::tally() const {
  constexpr std::size_t kNamed = 10;
  Tally tally{.resources = schedule_.size(), .failed = schedule_.failed()};
  tally.left = tally.resources - schedule_.clean() - tally.failed;
  if (tally.failed + tally.left == 0) return tally;
  for (const auto& instance : instances_) {
    Schedule::State state = schedule_.state(instance->at);
    std::vector<std::string>& names = state == Schedule::State::Failed ? tally.failed_ones : tally.left_ones;
    if (state != Schedule::State::Clean && names.size() < kNamed) names.push_back(instance->declaration->id());
  }
  return tally;
}

}  // namespace mgmt
