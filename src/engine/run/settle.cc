// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: when all is settled, and how it ends.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/base/text.h"
#include "src/engine/run/async_run.h"
#include "src/engine/run/critical_path.h"
#include "src/engine/run/engine.h"

namespace mgmt {

using namespace std::chrono_literals;

// Nothing is dirty, running or on its way, but for retries.
bool Engine::nothing_is_to_do() const {
  if (next_ || !schedule_.quiet() || holding_ > 0 || pump_posted_) return false;
  if (publisher_ && !publisher_->idle()) return false;
  // What has left the graph is still at work on the machine.
  if (!std::ranges::all_of(retired_, [](const auto& one) { return is_abandoned(*one); })) return false;
  return true;
}

bool Engine::quiet() const {
  if (syncing_ || !nothing_is_to_do()) return false;
  if (retries_due_ == 0) return true;
  // With --once, what keeps failing is not waited for.
  return options_.once && only_hopeless_retries();
}

// What is still to be tried again has failed twice.
bool Engine::only_hopeless_retries() const {
  return std::ranges::all_of(instances_,
                             [](const auto& instance) { return !instance->retry_due || instance->failures >= 2; });
}

void Engine::consider() {
  // Before the first graph there is nothing that could have settled.
  if (stopping_ || generation_ == 0) return;
  if (next_ && !is_unrealized()) {
    // Posted: a run may be ending in the middle of what a swap replaces.
    if (!std::exchange(swap_posted_, true)) {
      loop_.post([this, alive = alive_] {
        if (!*alive) return;
        swap_posted_ = false;
        if (next_ && !stopping_ && !is_unrealized()) swap();
      });
    }
    return;
  }
  tell_who_waits();
  bool now_quiet = quiet();
  if (now_quiet) {
    // The kernel queues an event as it happens: once what we did is over, all that it caused can be read.
    files_.drain();
    // What is polled has no queue: where something failed, it is looked at once more after the last change.
    if (schedule_.failed() > 0 && std::exchange(changed_since_poll_, false)) files_.poll_now();
    if (stopping_) return;
    now_quiet = quiet();
    if (now_quiet && first_pass_ == 0) first_pass_ = std::chrono::duration<double>(Clock::now() - begin_).count();
  }
  if (now_quiet && !options_.noop) {
    if (options_.ends_when_settled) {
      sync_files();
      if (syncing_) return;
    } else if (unsynced_.any()) {
      // Later, and together: a sync holds up the repairs that come during it.
      constexpr Duration kCalm = 1s, kAtMost = 5s;
      TimePoint now = Clock::now();
      if (!sync_timer_.pending()) unsynced_since_ = now;
      TimePoint at = std::min(now + kCalm, unsynced_since_ + kAtMost);
      sync_timer_.at(std::max(at, sync_not_before_), [this] { sync_files(); });
    }
  }
  Convergence::Decision decision = convergence_.ask(Clock::now(), now_quiet);
  if (decision.ask_at) {
    converge_timer_.at(*decision.ask_at, [this] { consider(); });
    return;
  }
  if (!decision.announce) return;
  emit_progress();
  if (has_failures()) {
    report_.emit(report::Settled{.failed = schedule_.failed(),
                                 .blocked = schedule_.size() - schedule_.clean() - schedule_.failed()});
  } else {
    report::Converged converged{.generation = generation_};
    if (!std::exchange(graph_has_converged_, true)) {
      converged.seconds = std::chrono::duration<double>(Clock::now() - graph_begin_).count();
      converged.watches = !options_.ends_when_settled;
      if (converged.watches && report_.wanted()) {
        converged.watched = files_.watched_paths();
        converged.polled = files_.polled_paths();
      }
    }
    report_.emit(converged);
  }
  if (on_settled) on_settled(!has_failures());
}

void Engine::sync_files() {
  if (syncing_) return;
  Unsynced::Batch batch = unsynced_.take();
  if (batch.empty()) return;
  syncing_ = true;
  sync_has_begun_ = std::make_shared<std::atomic<bool>>(false);
  pool_.submit([this, begun = sync_has_begun_, batch = std::move(batch)]() mutable -> Pool::Done {
    *begun = true;
    std::string failure;
    bool in_time = true;
    try {
      in_time = Unsynced::sync(batch);
    } catch (const Error& error) {
      failure = error.text();
    }
    return [this, failure = std::move(failure), in_time, batch = std::move(batch)]() mutable {
      syncing_ = false;
      if (failure.empty() && !in_time) return sync_is_late(std::move(batch));
      if (failure.empty()) report_.emit(report::Durable{});
      else
        report_.emit(
            report::Notice{report::Notice::Level::Warning, "what was written may not be on the disk yet: " + failure});
      consider();
      check_stopped();
    };
  });
}

// A disk that is slow, or hangs, is no reason not to go on.
void Engine::sync_is_late(Unsynced::Batch batch) {
  std::string text = fmt::format(
      "what was written may not be on the disk yet: syncing the file system of {} takes longer than {} s; the run goes "
      "on",
      batch.devices.begin()->second.some_folder, Unsynced::kPatience);
  if (warned_.insert(text).second)
    report_.emit(report::Notice{report::Notice::Level::Warning, std::move(text),
                                "it waits for what all programs wrote there; `--durability none` doesn't wait"});
  constexpr Duration kLater = 60s;
  sync_not_before_ = Clock::now() + kLater;
  if (!options_.ends_when_settled) unsynced_.put_back(std::move(batch));
  consider();
  check_stopped();
}

void Engine::progress() {
  if (!report_.wanted() || progress_timer_.pending() || stopping_) return;
  progress_timer_.after(100ms, [this] { emit_progress(); });
}

void Engine::emit_progress() {
  progress_timer_.cancel();
  if (!report_.wanted()) return;
  report::Progress progress{.resources = schedule_.size(),
                            .done = schedule_.clean(),
                            .running = schedule_.running(),
                            .failed = schedule_.failed()};
  constexpr std::size_t kNamed = 4;
  if (progress.running > 0) {
    for (const auto& instance : instances_) {
      if (instance->running) progress.running_now.push_back(instance->declaration->id());
      if (progress.running_now.size() == std::min(kNamed, progress.running)) break;
    }
  }
  report_.emit(std::move(progress));
}

void Engine::retry_failed() {
  for (const auto& instance : instances_)
    if (schedule_.state(instance->at) == Schedule::State::Failed) mark_dirty(*instance, report::Cause::Why::Retry);
  pump();
}

bool Engine::has_failures() const { return schedule_.clean() < schedule_.size() && schedule_.failed() > 0; }

void Engine::stop(Duration limit, std::move_only_function<void(bool)> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  running_ -= pool_.drop_waiting();
  drop_staged();
  if (syncing_ && !*sync_has_begun_) {
    // It was among what was dropped, and is no run.
    ++running_;
    syncing_ = false;
  }
  for (const auto* list : {&instances_, &retired_}) {
    for (const auto& instance : *list) {
      if (auto* extras = instance->extras_if_any()) {
        extras->retry.cancel();
        extras->poll.cancel();
        extras->pause.cancel();
        extras->limited.cancel();
        extras->timeout.cancel();
      }
    }
  }
  converge_timer_.cancel();
  sync_timer_.cancel();
  progress_timer_.cancel();
  recheck_timer_.cancel();
  spawner_.terminate_all();
  // What watches needs no time to end.
  for (const auto& instance : instances_) instance->subscriptions.clear();
  wait_for_commands();
  // Children that don't obey are killed while there is still time to see them end.
  stop_timer_.after(limit * 3 / 4, [this, limit] {
    spawner_.kill_all(Spawner::Spare::Waited);
    // A command that is waited for takes no notice.
    for (const auto* list : {&instances_, &retired_})
      for (const auto& instance : *list)
        if (auto* extras = instance->extras_if_any(); extras && extras->async) extras->async->cancel();
    end_what_is_left(limit / 4);
  });
  check_stopped();
}

// What is still at work then is stuck in the kernel.
void Engine::end_what_is_left(Duration rest) {
  stop_timer_.after(rest, [this, rest] {
    if (!spawner_.waited_for().empty()) return end_what_is_left(rest);
    if (stopped_) std::exchange(stopped_, nullptr)(false);
  });
}

void Engine::wait_for_commands() {
  std::vector<std::string> labels = spawner_.waited_for();
  if (labels.empty()) return;
  if (waited_for_.empty()) waited_for_ = labels;
  std::vector<std::string_view> names(labels.begin(), labels.end());
  report_.emit(report::Notice{report::Notice::Level::Info,
                              fmt::format("waiting for the end of {} (`stop: wait`)", enumeration(names)),
                              "a second signal kills what runs"});
  waiting_timer_.after(5s, [this] { wait_for_commands(); });
}

void Engine::check_stopped() {
  if (!stopping_ || !stopped_ || running_ > 0 || syncing_ || staged_syncing_) return;
  stop_timer_.cancel();
  waiting_timer_.cancel();
  spawner_.kill_all(Spawner::Spare::Waited);
  // Posted: it may come from the depth of a run that is just ending.
  loop_.post([stopped = std::exchange(stopped_, nullptr)]() mutable { stopped(true); });
}

report::Summary Engine::summary() const {
  report::Summary summary{.resources = schedule_.size(),
                          .changed = counters_.changed,
                          .repaired = counters_.repaired,
                          .failed = schedule_.failed(),
                          .blocked = 0,
                          .dry = options_.noop,
                          .elapsed = std::chrono::duration<double>(Clock::now() - begin_).count()};
  std::vector<float> seconds(instances_.size());
  for (VertexId v = 0; v < instances_.size(); ++v) {
    seconds[v] = instances_[v]->first_seconds;
    if (schedule_.blocked(v)) ++summary.blocked;
    const auto* extras = std::as_const(*instances_[v]).extras_if_any();
    if (instances_[v]->withheld && extras && !extras->last_dry.empty()) ++summary.withheld;
  }
  CriticalPath critical = critical_path(graph_->topology, seconds);
  summary.serial = critical.serial;
  summary.critical = critical.seconds;
  summary.first_pass = first_pass_;
  for (VertexId v : critical.path) summary.critical_path.push_back(graph_->vertices[v]->id());
  return summary;
}

}  // namespace mgmt
