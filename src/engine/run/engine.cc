// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/run/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "src/base/path.h"
#include "src/engine/run/async_run.h"
#include "src/engine/run/critical_path.h"
#include "src/engine/sync/sync.h"
#include "src/resources/async_resource.h"
#include "src/resources/secrets.h"
#include "src/value/json.h"

namespace mgmt {

using namespace std::chrono_literals;

namespace {

unsigned cores(unsigned wanted) {
  if (wanted > 0) return wanted;
  return std::max(1u, std::thread::hardware_concurrency());
}

float seconds_since(TimePoint begin) { return std::chrono::duration<float>(Clock::now() - begin).count(); }

// The boundary of a unit of work: what it throws becomes a value.
template <class Work>
Outcome run_unit(Work work) {
  Outcome outcome;
  TimePoint begin = Clock::now();
  try {
    work(outcome);
  } catch (const Error& error) {
    outcome.error = error;
  } catch (const std::exception& error) {
    outcome.error = Error(error.what());
  }
  outcome.seconds = seconds_since(begin);
  return outcome;
}

// Throws what speaks against it.
void ask(const Engine::Options::Approve& approve, const Declaration& declaration, const Delta& delta) {
  if (!approve || delta.empty()) return;
  if (std::optional<Error> refusal = approve(declaration, delta)) throw Error(*refusal);
}

}  // namespace

Engine::Engine(Loop& loop, report::Report& report, Options options, Publisher* publisher)
    : loop_(loop),
      report_(report),
      options_(options),
      publisher_(publisher),
      files_(
          loop,
          [this](std::string text) { report_.emit(report::Notice{report::Notice::Level::Warning, std::move(text)}); }),
      spawner_(loop),
      services_{loop_, files_, spawner_, unsynced_, report_, options.noop},
      graph_(std::make_shared<ResourceGraph>()),
      convergence_(options.window),
      converge_timer_(loop),
      sync_timer_(loop),
      progress_timer_(loop),
      stop_timer_(loop),
      pool_(loop, cores(options.threads)) {
  spawner_.set_warn(
      [this](std::string text) { report_.emit(report::Notice{report::Notice::Level::Warning, std::move(text)}); });
}

Engine::~Engine() { *alive_ = false; }

std::unique_ptr<Instance> Engine::make_instance(std::shared_ptr<const Declaration> declaration, VertexId at) {
  auto instance = std::make_unique<Instance>(std::move(declaration));
  instance->at = at;
  if (instance->declaration->exported) {
    instance->runs = Instance::Runs::Export;
    return instance;
  }
  instance->resource = instance->declaration->kind->create(instance->declaration, services_);
  if (dynamic_cast<BlockingResource*>(instance->resource.get())) instance->runs = Instance::Runs::Blocking;
  else if (dynamic_cast<AsyncResource*>(instance->resource.get())) instance->runs = Instance::Runs::Async;
  return instance;
}

void Engine::load(std::shared_ptr<const ResourceGraph> next) {
  SyncPlan plan = plan_sync(*graph_, *next);
  std::vector<std::unique_ptr<Instance>> instances(next->vertices.size());
  std::vector<Schedule::State> states(next->vertices.size(), Schedule::State::Dirty);
  bool files_moved = plan.added + plan.changed + plan.removed.size() > 0;

  for (VertexId v = 0; v < instances.size(); ++v) {
    const SyncPlan::Match& match = plan.matches[v];
    if (match.same) {
      instances[v] = std::move(instances_[match.old]);
      states[v] = schedule_.state(match.old);
      instances[v]->at = v;
      instances[v]->declaration = next->vertices[v];
      adopt_declaration(*instances[v]);
      continue;
    }
    instances[v] = make_instance(next->vertices[v], v);
    if (match.old == SyncPlan::kNone) continue;
    // One that runs is finished, not torn; the new one waits for it, or for the one that it was waiting for.
    Instance& old = *instances_[match.old];
    Instance* running = old.running ? &old : old.extras_if_any() ? old.extras_if_any()->waiting_for : nullptr;
    if (running) {
      instances[v]->extras(loop_).waiting_for = running;
      running->extras(loop_).heir = instances[v].get();
      hold(*instances[v]);
    }
  }
  // What goes is let go only when its successors watch: what both watch stays armed.
  std::vector<std::unique_ptr<Instance>> gone;
  for (auto& old : instances_) {
    if (!old) continue;
    auto* extras = old->extras_if_any();
    if (extras && extras->waiting_for && extras->waiting_for->extras_if_any()->heir == old.get())
      extras->waiting_for->extras_if_any()->heir = nullptr;
    if (old->retry_due) --retries_due_;
    holding_ -= old->holds - (old->timed_out && old->runs == Instance::Runs::Blocking ? 1 : 0);
    old->retry_due = false;
    old->holds = 0;
    retire(*old);
    (old->running ? retired_ : gone).push_back(std::move(old));
  }
  instances_ = std::move(instances);
  std::shared_ptr<const ResourceGraph> before = std::exchange(graph_, std::move(next));
  ++generation_;
  build_schedule(std::move(states));
  if (files_moved) refresh_managed_paths(generation_ > 1);
  convergence_.active(Clock::now());
  if (report_.wanted()) {
    report_.emit(report::GraphStarted{.name = graph_->name,
                                      .generation = generation_,
                                      .resources = graph_->vertices.size(),
                                      .edges = graph_->edges.size(),
                                      .kept = plan.kept,
                                      .added = generation_ == 1 ? 0 : plan.added,
                                      .changed = plan.changed,
                                      .removed = plan.removed.size()});
  }
  pump();
}

// What runs reads its declaration from another thread: then it is left until it ends.
void Engine::adopt_declaration(Instance& instance) {
  if (instance.resource && !instance.running) instance.resource->adopt(instance.declaration);
}

void Engine::build_schedule(std::vector<Schedule::State> states) {
  std::vector<std::vector<std::string>> semaphores;
  bool any = options_.sema > 0;
  for (const auto& declaration : graph_->vertices) any |= !declaration->meta->sema.empty();
  if (any) {
    for (const auto& declaration : graph_->vertices) {
      semaphores.push_back(declaration->meta->sema);
      if (options_.sema > 0) semaphores.back().push_back(fmt::format(":{}", options_.sema));
    }
  }
  schedule_ = Schedule(graph_->topology, std::move(states), std::move(semaphores));
  for (const auto& instance : instances_)
    if (instance->holds > 0) schedule_.hold(instance->at);
}

void Engine::refresh_managed_paths(bool mark_views) {
  std::vector<Instance*> views;
  for (const auto& instance : instances_) {
    const Kind& kind = *instance->declaration->kind;
    if (kind.views_managed_paths && kind.views_managed_paths(*instance->declaration)) views.push_back(instance.get());
  }
  if (views.empty()) {
    managed_.reset();
    return;
  }
  auto paths = std::make_shared<ManagedPaths>();
  for (const auto& declaration : graph_->vertices) {
    if (!declaration->kind->managed_path || declaration->exported) continue;
    if (auto path = declaration->kind->managed_path(*declaration)) paths->push_back(std::move(*path));
  }
  if (!options_.store_folder.empty()) paths->push_back(options_.store_folder);
  std::ranges::sort(*paths);
  if (managed_ && *managed_ == *paths) return;
  managed_ = std::move(paths);
  if (mark_views)
    for (Instance* view : views) mark_dirty(*view);
}

void Engine::pump() {
  if (pumping_ || stopping_) return;
  pumping_ = true;
  // Bounded, so that events and signals come in between a hundred thousand vertices.
  constexpr int kBatch = 4096;
  int batch = 0;
  while (batch < kBatch) {
    auto vertex = schedule_.next();
    if (!vertex) break;
    ++batch;
    start(*instances_[*vertex]);
    keep_up();
  }
  pumping_ = false;
  if (batch == kBatch) {
    if (!std::exchange(pump_posted_, true)) {
      loop_.post([this, alive = alive_] {
        if (!*alive) return;
        pump_posted_ = false;
        pump();
      });
    }
  } else {
    consider();
  }
  progress();
}

// The kernel's queue of events is short, and a hundred thousand files fill it while the loop starts and finishes
// others; what overflows costs a second look at everything.
void Engine::keep_up() {
  constexpr unsigned kOften = 256;
  if (++since_drain_ < kOften) return;
  since_drain_ = 0;
  files_.drain();
}

void Engine::start(Instance& instance) {
  instance.running = true;
  ++running_;
  instance.pending = Instance::Pending::Nothing;
  if (report_.wanted()) report_.emit(report::Started{instance.declaration->id()});
  if (instance.runs == Instance::Runs::Export) return publish(instance);
  if (!instance.armed && !arm(instance)) return;

  Inputs inputs{.want_text = dry(instance) && report_.wanted(), .dry = dry(instance)};
  const Kind& kind = *instance.declaration->kind;
  if (managed_ && kind.views_managed_paths && kind.views_managed_paths(*instance.declaration))
    inputs.managed = managed_;

  auto timeout = instance.declaration->meta->timeout;
  if (timeout > 0ms && instance.runs != Instance::Runs::Inline) {
    auto& extras = instance.extras(loop_);
    if (instance.runs == Instance::Runs::Blocking) extras.begun = std::make_shared<std::atomic<Clock::rep>>(0);
    extras.timeout.after(timeout, [this, &instance] { on_timeout(instance); });
  }

  switch (instance.runs) {
    case Instance::Runs::Inline: {
      auto& resource = static_cast<InlineResource&>(*instance.resource);
      Outcome outcome = run_unit([&](Outcome& o) {
        o.delta = resource.check(inputs);
        ask(options_.approve, resource.declaration(), o.delta);
        if (!o.delta.empty() && !inputs.dry) resource.apply(o.delta);
      });
      return finish(instance, std::move(outcome));
    }
    case Instance::Runs::Blocking: return run_blocking(instance, std::move(inputs));
    case Instance::Runs::Async: {
      auto& resource = static_cast<AsyncResource&>(*instance.resource);
      instance.extras(loop_).async = start_async(loop_, resource, std::move(inputs), options_.approve,
                                                 [this, alive = alive_, &instance](Outcome outcome) {
                                                   if (*alive) finish(instance, std::move(outcome));
                                                 });
      return;
    }
    case Instance::Runs::Export: return;
  }
}

bool Engine::arm(Instance& instance) {
  const Kind& kind = *instance.declaration->kind;
  if (kind.managed_path && !options_.store_folder.empty()) {
    // A file closed by another part of a process takes that process's locks along: the store would be torn.
    auto path = kind.managed_path(*instance.declaration);
    if (path && is_within(*path, options_.store_folder)) {
      fail(instance,
           Error(*path + " belongs to the store of mgmt itself").hint("another --prefix puts the store elsewhere"), 0,
           Duration(-1));
      return false;
    }
  }
  try {
    if (instance.declaration->meta->poll != 0s) {
      arm_poll(instance);
    } else {
      instance.resource->watch(instance.subscriptions, [this, &instance](Look look) { on_look(instance, look); });
    }
    instance.armed = true;
    return true;
  } catch (const Error& error) {
    // Enforcement must not be lost silently: tried again for ever, whatever `retry` says.
    instance.subscriptions.clear();
    Duration& wait = instance.extras(loop_).rearm;
    wait = std::clamp<Duration>(wait * 2, 1s, 60s);
    fail(instance, Error(error).while_doing("watching"), 0, wait);
    return false;
  }
}

void Engine::arm_poll(Instance& instance) {
  auto interval = instance.declaration->meta->poll;
  if (interval < 0s) return;  // looked at once
  instance.extras(loop_).poll.after(interval, [this, &instance] {
    arm_poll(instance);
    on_look(instance, Look::Again);
  });
}

void Engine::run_blocking(Instance& instance, Inputs inputs) {
  auto* resource = static_cast<BlockingResource*>(instance.resource.get());
  auto begun = instance.extras_if_any() ? instance.extras_if_any()->begun : nullptr;
  pool_.submit([this, &instance, resource, begun, inputs = std::move(inputs)]() -> Pool::Done {
    if (begun) *begun = Clock::now().time_since_epoch().count();
    Outcome outcome = run_unit([&](Outcome& o) {
      o.delta = resource->check(inputs);
      ask(options_.approve, resource->declaration(), o.delta);
      if (!o.delta.empty() && !inputs.dry) resource->apply(o.delta, inputs);
    });
    return [this, &instance, outcome = std::move(outcome)]() mutable { finish(instance, std::move(outcome)); };
  });
}

void Engine::publish(Instance& instance) {
  if (dry(instance) || !publisher_) return finish(instance, {});
  TimePoint begin = Clock::now();
  publisher_->publish(*instance.declaration, [this, alive = alive_, &instance, begin](Result<bool> result) {
    if (!*alive) return;
    Outcome outcome;
    outcome.seconds = seconds_since(begin);
    if (!result) outcome.error = result.error();
    else if (*result) outcome.delta.changes.push_back({.param = "export", .after = Value("published")});
    finish(instance, std::move(outcome));
  });
}

void Engine::on_timeout(Instance& instance) {
  if (!instance.running) return;
  if (instance.runs == Instance::Runs::Async) {
    instance.timed_out = true;
    instance.extras(loop_).async->cancel();
    return;
  }
  // Waiting for a thread isn't running: the time counts from where the job began.
  auto& extras = instance.extras(loop_);
  Clock::rep begun = *extras.begun;
  TimePoint end = (begun == 0 ? Clock::now() : TimePoint(Duration(begun))) + instance.declaration->meta->timeout;
  if (Clock::now() < end) return extras.timeout.at(end, [this, &instance] { on_timeout(instance); });
  // A thread can't be stopped: its job is abandoned, the vertex stays occupied until it comes back.
  instance.timed_out = true;
  pool_.replace_thread();
  if (instance.retired) return;
  double limit = std::chrono::duration<double>(instance.declaration->meta->timeout).count();
  hold(instance);
  --holding_;  // it isn't waited for
  fail(instance, Error(fmt::format("timed out after {} s; what it waits for can't be interrupted", limit)),
       static_cast<float>(limit), Duration(-1));
}

void Engine::finish(Instance& instance, Outcome outcome) {
  auto* extras = instance.extras_if_any();
  if (extras) {
    extras->timeout.cancel();
    extras->async.reset();
  }
  if (instance.timed_out && instance.runs == Instance::Runs::Blocking) {
    // It was reported when it ran out of time; now it may be looked at again.
    instance.timed_out = false;
    pool_.release_thread();
    if (instance.retired) return end_run(instance, Schedule::Result::Fine);
    instance.running = false;
    --running_;
    ++holding_;
    unhold(instance);
    adopt_declaration(instance);
    mark_dirty(instance);
    check_stopped();
    return pump();
  }
  if (instance.retired || stopping_) {
    if (!outcome.error && !outcome.delta.empty() && !stopping_ && report_.wanted())
      report_change(instance, outcome, dry(instance));
    return end_run(instance, Schedule::Result::Fine);
  }
  if (instance.first_seconds == 0) instance.first_seconds = std::max(outcome.seconds, 1e-9f);
  if (std::exchange(instance.timed_out, false) && outcome.error)
    outcome.error = Error(fmt::format("timed out after {} s",
                                      std::chrono::duration<double>(instance.declaration->meta->timeout).count()))
                        .hint("`meta: timeout` sets the limit");
  if (outcome.error) return fail(instance, *outcome.error, outcome.seconds, Duration(-1));

  instance.failures = 0;
  bool is_dry = dry(instance);
  if (!outcome.delta.empty()) {
    report_change(instance, outcome, is_dry);
  } else {
    instance.was_fine = true;
    if (extras) extras->last_dry.clear();
    if (report_.wanted()) report_.emit(report::Fine{instance.declaration->id(), static_cast<double>(outcome.seconds)});
  }
  end_run(instance, Schedule::Result::Fine);
}

void Engine::report_change(Instance& instance, Outcome& outcome, bool is_dry) {
  bool repair = instance.was_fine && !is_dry && instance.runs != Instance::Runs::Export;
  if (is_dry) {
    // The same difference, found again by a poll or an event, is no news.
    std::string text = to_json(outcome.delta);
    auto& extras = instance.extras(loop_);
    if (extras.last_dry == text) {
      if (report_.wanted())
        report_.emit(report::Fine{instance.declaration->id(), static_cast<double>(outcome.seconds)});
      return;
    }
    extras.last_dry = std::move(text);
  } else {
    instance.was_fine = true;
  }
  convergence_.active(Clock::now());
  changed_since_poll_ |= !is_dry;
  ++(repair ? counters_.repaired : counters_.changed);
  if (report_.wanted()) {
    redact(outcome.delta, *instance.declaration);
    report_.emit(report::Changed{.resource = instance.declaration->id(),
                                 .delta = std::make_shared<Delta>(std::move(outcome.delta)),
                                 .repair = repair,
                                 .dry = is_dry,
                                 .seconds = static_cast<double>(outcome.seconds)});
  }
  if (!repair || instance.retired) return;
  auto decision = instance.extras(loop_).repairs.repaired(Clock::now(), options_.repair_limit);
  if (decision.pause == 0s) return;
  if (decision.warn) {
    report_.emit(
        report::Notice{report::Notice::Level::Warning,
                       fmt::format("{} was changed back more than {} times in {} s: somebody else writes it too; it is "
                                   "now looked at less often",
                                   instance.declaration->id(), options_.repair_limit,
                                   std::chrono::duration_cast<std::chrono::seconds>(RepairLimit::kPeriod).count()),
                       "end the other writer, or take the resource out of the graph"});
  }
  hold(instance);
  instance.extras(loop_).pause.after(decision.pause, [this, &instance] {
    unhold(instance);
    pump();
  });
}

void Engine::fail(Instance& instance, const Error& error, float seconds, Duration retry_at_least) {
  ++instance.failures;
  const Meta& meta = *instance.declaration->meta;
  bool again = retry_at_least >= 0s || meta.retry < 0 || static_cast<std::int64_t>(instance.failures) <= meta.retry;
  Duration wait = std::max<Duration>(meta.delay, std::max<Duration>(retry_at_least, 0s));
  convergence_.active(Clock::now());
  if (report_.wanted()) {
    report_.emit(report::Failed{.resource = instance.declaration->id(),
                                .place = graph_->place_of(instance.declaration->pos),
                                .error = error.text(),
                                .hint = error.hint_text(),
                                .retry_in = again ? std::chrono::duration<double>(wait).count() : -1,
                                .seconds = static_cast<double>(seconds)});
  }
  if (again) {
    if (!std::exchange(instance.retry_due, true)) ++retries_due_;
    instance.extras(loop_).retry.after(wait, [this, &instance] {
      mark_dirty(instance);
      pump();
    });
  }
  end_run(instance, Schedule::Result::Failed);
}

void Engine::end_run(Instance& instance, Schedule::Result result) {
  keep_up();
  // An abandoned job still runs, though its vertex has failed.
  bool still_occupied = instance.timed_out && instance.runs == Instance::Runs::Blocking;
  if (!still_occupied) {
    instance.running = false;
    --running_;
    adopt_declaration(instance);
  }
  if (instance.retired) {
    if (still_occupied) return;
    if (Instance* heir = instance.extras_if_any() ? instance.extras_if_any()->heir : nullptr) {
      heir->extras(loop_).waiting_for = nullptr;
      unhold(*heir);
    }
    std::erase_if(retired_, [&](const auto& one) { return one.get() == &instance; });
    check_stopped();
    return pump();
  }
  Instance::Pending pending = std::exchange(instance.pending, Instance::Pending::Nothing);
  schedule_.done(instance.at, result);
  if (pending == Instance::Pending::Again ||
      (pending == Instance::Pending::Entry && !(result == Schedule::Result::Fine && instance.resource->is_own_echo())))
    mark_dirty(instance);
  check_stopped();
  pump();
}

void Engine::retire(Instance& instance) {
  instance.retired = true;
  if (auto* extras = instance.extras_if_any()) {
    extras->retry.cancel();
    extras->poll.cancel();
    extras->pause.cancel();
  }
}

void Engine::on_look(Instance& instance, Look look) {
  if (instance.retired || stopping_) return;
  if (instance.running) {
    auto pending = look == Look::Again ? Instance::Pending::Again : Instance::Pending::Entry;
    instance.pending = std::max(instance.pending, pending);
    return;
  }
  if (look == Look::Entry && schedule_.state(instance.at) == Schedule::State::Clean && instance.resource->is_own_echo())
    return;
  mark_dirty(instance);
  pump();
}

void Engine::mark_dirty(Instance& instance) {
  if (std::exchange(instance.retry_due, false)) {
    --retries_due_;
    instance.extras(loop_).retry.cancel();
  }
  if (instance.running && !instance.timed_out) instance.pending = Instance::Pending::Again;
  else schedule_.dirty(instance.at);
}

void Engine::hold(Instance& instance) {
  ++holding_;
  // While a graph is being loaded, the vertex is not the schedule's yet.
  if (instance.holds++ == 0 && instance.at < schedule_.size() && instance.at < instances_.size() &&
      instances_[instance.at].get() == &instance)
    schedule_.hold(instance.at);
}

void Engine::unhold(Instance& instance) {
  --holding_;
  if (--instance.holds == 0) schedule_.unhold(instance.at);
}

bool Engine::quiet() const {
  if (!schedule_.quiet() || syncing_ || holding_ > 0 || pump_posted_) return false;
  if (publisher_ && !publisher_->idle()) return false;
  if (retries_due_ == 0) return true;
  if (!options_.once) return false;
  // With --once, what has failed twice is not waited for.
  return std::ranges::all_of(instances_,
                             [](const auto& instance) { return !instance->retry_due || instance->failures >= 2; });
}

void Engine::consider() {
  // Before the first graph there is nothing that could have settled.
  if (stopping_ || generation_ == 0) return;
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
    } else if (!sync_timer_.pending() && unsynced_.any()) {
      // Later, and together: a repair isn't held up by the disk.
      sync_timer_.after(1s, [this] { sync_files(); });
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
    report_.emit(report::Converged{generation_});
  }
  if (on_settled) on_settled(!has_failures());
}

void Engine::sync_files() {
  if (syncing_) return;
  Unsynced::Batch batch = unsynced_.take();
  if (batch.empty()) return;
  syncing_ = true;
  sync_has_begun_ = std::make_shared<std::atomic<bool>>(false);
  pool_.submit([this, begun = sync_has_begun_, batch = std::move(batch)]() -> Pool::Done {
    *begun = true;
    std::string failure;
    try {
      Unsynced::sync(batch);
    } catch (const Error& error) {
      failure = error.text();
    }
    return [this, failure = std::move(failure)] {
      syncing_ = false;
      if (failure.empty()) report_.emit(report::Durable{});
      else
        report_.emit(
            report::Notice{report::Notice::Level::Warning, "what was written may not be on the disk yet: " + failure});
      consider();
      check_stopped();
    };
  });
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

bool Engine::has_failures() const { return schedule_.clean() < schedule_.size() && schedule_.failed() > 0; }

void Engine::stop(Duration limit, std::move_only_function<void(bool)> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  running_ -= pool_.drop_waiting();
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
        extras->timeout.cancel();
      }
    }
  }
  converge_timer_.cancel();
  sync_timer_.cancel();
  progress_timer_.cancel();
  spawner_.terminate_all();
  // What watches needs no time to end.
  for (const auto& instance : instances_) instance->subscriptions.clear();
  // Children that don't obey are killed while there is still time to see them end.
  stop_timer_.after(limit * 3 / 4, [this, limit] {
    spawner_.kill_all();
    for (const auto* list : {&instances_, &retired_})
      for (const auto& instance : *list)
        if (auto* extras = instance->extras_if_any(); extras && extras->async) extras->async->cancel();
    stop_timer_.after(limit / 4, [this] {
      if (stopped_) std::exchange(stopped_, nullptr)(false);
    });
  });
  check_stopped();
}

void Engine::check_stopped() {
  if (!stopping_ || !stopped_ || running_ > 0 || syncing_) return;
  stop_timer_.cancel();
  spawner_.kill_all();
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
  }
  CriticalPath critical = critical_path(graph_->topology, seconds);
  summary.serial = critical.serial;
  summary.critical = critical.seconds;
  summary.first_pass = first_pass_;
  for (VertexId v : critical.path) summary.critical_path.push_back(graph_->vertices[v]->id());
  return summary;
}

}  // namespace mgmt
