// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/run/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <utility>

#include "src/base/path.h"
#include "src/engine/run/async_run.h"
#include "src/engine/run/unit.h"
#include "src/engine/schedule/retry.h"
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

// Throws what speaks against it.
void ask(const Engine::Options::Approve& approve, const Declaration& declaration, const Delta& delta) {
  if (!approve || delta.empty()) return;
  if (std::optional<Error> refusal = approve(declaration, delta)) throw Error(*refusal);
}

}  // namespace

Engine::Engine(Loop& loop, report::Report& report, Options options, Publisher* publisher, RefreshJournal* journal,
               UndoJournal* undo_journal)
    : loop_(loop),
      report_(report),
      options_(options),
      publisher_(publisher),
      journal_(journal),
      undo_journal_(undo_journal),
      files_(
          loop,
          [this](std::string text) { report_.emit(report::Notice{report::Notice::Level::Warning, std::move(text)}); }),
      spawner_(loop),
      unsynced_(options.durability),
      services_{loop_, files_, spawner_, unsynced_, report_, options.noop, options.keeper, options.answers},
      graph_(std::make_shared<ResourceGraph>()),
      convergence_(options.window),
      converge_timer_(loop),
      sync_timer_(loop),
      progress_timer_(loop),
      recheck_timer_(loop),
      stop_timer_(loop),
      waiting_timer_(loop),
      random_(options.random_seed),
      pool_(loop, cores(options.threads)) {
  if (options_.recheck > 0s) recheck_pace_.emplace(options_.recheck);
  pool_.on_burst = [this](bool begins) { files_.hold(begins); };
  pool_.on_look = [this] { files_.drain(); };
  spawner_.set_warn(
      [this](std::string text) { report_.emit(report::Notice{report::Notice::Level::Warning, std::move(text)}); });
}

Engine::~Engine() { *alive_ = false; }

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
  if (batch == kBatch) pump_soon();
  else consider();
  progress();
}

void Engine::pump_soon() {
  if (std::exchange(pump_posted_, true)) return;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    pump_posted_ = false;
    pump();
  });
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
  if (bool withheld = withheld_.has(*instance.declaration); withheld != instance.withheld) {
    instance.withheld = withheld;
    if (auto* extras = instance.extras_if_any()) extras->last_dry.clear();
  }
  if (std::exchange(instance.rearm, false)) {
    instance.subscriptions.clear();
    instance.armed = false;
  }
  Inputs inputs{.want_text = report_.wanted() && (options_.keep_text || dry(instance)), .dry = dry(instance)};
  const std::string* refreshed_by = refreshes_.empty() ? nullptr : refreshes_.sender_to(instance.declaration->id());
  inputs.refresh = instance.refreshing = refreshed_by != nullptr;
  if (report_.wanted()) {
    report::Cause cause{instance.why};
    if (cause.why == report::Cause::Why::Received) cause.from = sender_to(instance);
    if (refreshed_by) cause = {report::Cause::Why::Refresh, *refreshed_by};
    std::string told = take_told(instance);
    if (cause.why == report::Cause::Why::Event) cause.event = std::move(told);
    report_.emit(report::Started{instance.declaration->id(), std::move(cause)});
  }
  if (inputs.refresh) refreshes_.begin(instance.declaration->id());
  if (instance.extras_if_any() && instance.extras_if_any()->waiting_for) {
    return fail(instance, Error("what its declaration before this one started still hangs, and can't be interrupted"),
                0, std::nullopt);
  }
  const std::vector<std::string>* notified = notified_by(instance);
  if (notified) instance.extras(loop_).owes_to = *notified;
  else if (auto* extras = instance.extras_if_any()) extras->owes_to.clear();  // of a run that came to nothing
  if (instance.runs == Instance::Runs::Export) {
    if (!notified) return publish(instance);
    return owe_refreshes(instance, [this, &instance](Result<void> owed) {
      if (owed) return publish(instance);
      Outcome outcome;
      outcome.error = owed.error();
      finish(instance, std::move(outcome));
    });
  }
  if (!instance.armed && !arm(instance)) return;
  if (files_.has_other_names() && gives_way(instance)) return;
  if (auto by = instance.resource->take_changer()) instance.extras(loop_).changed_by = std::move(by);
  if (!receives_.empty() && !receive(instance, inputs)) return;
  inputs.received = instance.received_new;
  if (auto sends = sends_.find(instance.at); sends != sends_.end()) inputs.sends = sends->second.outputs;

  const Kind& kind = *instance.declaration->kind;
  if (managed_ && kind.views_managed_paths && kind.views_managed_paths(*instance.declaration))
    inputs.managed = managed_;
  if (options_.noop && kind.question) inputs.changes_before = changes_before(instance);

  auto timeout = instance.declaration->meta->timeout;
  if (timeout > 0ms && instance.runs != Instance::Runs::Inline) {
    auto& extras = instance.extras(loop_);
    if (instance.runs == Instance::Runs::Blocking) extras.begun = std::make_shared<std::atomic<Clock::rep>>(0);
    extras.timeout.after(timeout, [this, &instance] { on_timeout(instance); });
  }

  switch (instance.runs) {
    case Instance::Runs::Inline: return run_inline(instance, inputs);
    case Instance::Runs::Blocking: return run_blocking(instance, std::move(inputs));
    case Instance::Runs::Async: return run_async(instance, std::move(inputs));
    case Instance::Runs::Export: return;
  }
}

// Before a sender changes anything, what it owes is durable: then its check and its apply are two jobs.
void Engine::run_inline(Instance& instance, const Inputs& inputs) {
  auto& resource = static_cast<InlineResource&>(*instance.resource);
  bool whole = !owes(instance);
  Outcome outcome = run_unit([&](Outcome& o, TimePoint begin) {
    o.delta = resource.check(inputs);
    ask(options_.approve, resource.declaration(), o.delta);
    if (!whole || o.delta.empty() || inputs.dry) return;
    o.timing.check = seconds_since(begin);
    resource.apply(o.delta);
  });
  if (whole || outcome.error || outcome.delta.empty() || inputs.dry) return finish(instance, std::move(outcome));
  owe_refreshes(instance, [this, &instance, &resource, outcome = std::move(outcome)](Result<void> owed) mutable {
    Outcome applied = run_unit([&](Outcome&, TimePoint) {
      if (!owed) throw Error(owed.error());
      if (!stopping_) resource.apply(outcome.delta);
    });
    add_apply(outcome, std::move(applied));
    finish(instance, std::move(outcome));
  });
}

void Engine::run_async(Instance& instance, Inputs inputs) {
  auto& resource = static_cast<AsyncResource&>(*instance.resource);
  BeforeApply before_apply;
  if (bool undo = wants_undo(instance); undo || owes(instance)) {
    before_apply = [this, &instance, undo](std::move_only_function<void(Result<void>)> then) {
      try {
        before_change(instance, undo ? std::optional(undo_of(*instance.resource)) : std::nullopt, std::move(then));
      } catch (const Error& error) {
        then(std::unexpected(error));
      }
    };
  }
  instance.extras(loop_).async =
      start_async(loop_, resource, std::move(inputs), options_.approve, std::move(before_apply),
                  [this, alive = alive_, &instance, &resource](Outcome outcome) {
                    if (!*alive) return;
                    if (outcome.timing.apply >= 0) outcome.timing.child = resource.child();
                    finish(instance, std::move(outcome));
                  });
}

bool Engine::arm(Instance& instance) {
  const Kind& kind = *instance.declaration->kind;
  if (kind.managed_path && !options_.store_folder.empty()) {
    // A file closed by another part of a process takes that process's locks along: the store would be torn.
    auto path = kind.managed_path(*instance.declaration);
    if (path && is_within(*path, options_.store_folder)) {
      fail(instance,
           Error(*path + " belongs to the store of mgmt itself").hint("another --prefix puts the store elsewhere"), 0,
           std::nullopt);
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
    on_look(instance, Look::Again, report::Cause::Why::Poll);
  });
}

void Engine::run_blocking(Instance& instance, Inputs inputs) {
  auto* resource = static_cast<BlockingResource*>(instance.resource.get());
  auto begun = instance.extras_if_any() ? instance.extras_if_any()->begun : nullptr;
  bool undo = wants_undo(instance);
  bool whole = !owes(instance) && !undo;
  pool_.submit([this, &instance, resource, begun, whole, undo, inputs = std::move(inputs)]() mutable -> Pool::Done {
    if (begun) *begun = Clock::now().time_since_epoch().count();
    Outcome outcome = run_unit([&](Outcome& o, TimePoint begin_of_it) {
      o.delta = resource->check(inputs);
      ask(options_.approve, resource->declaration(), o.delta);
      if (undo && !o.delta.empty()) o.undo = undo_of(*resource);
      if (!whole || o.delta.empty() || inputs.dry) return;
      o.timing.check = seconds_since(begin_of_it);
      o.staged = resource->stage(o.delta, inputs);
    });
    if (whole || outcome.error || outcome.delta.empty() || inputs.dry)
      return [this, &instance, outcome = std::move(outcome)]() mutable { end_blocking(instance, std::move(outcome)); };
    return [this, &instance, inputs = std::move(inputs), outcome = std::move(outcome)]() mutable {
      if (instance.timed_out || stopping_) return finish(instance, {});
      std::optional<Undo> undo = std::exchange(outcome.undo, std::nullopt);
      before_change(
          instance, std::move(undo),
          [this, &instance, inputs = std::move(inputs), outcome = std::move(outcome)](Result<void> owed) mutable {
            if (!owed) outcome.error = owed.error();
            if (!owed || instance.timed_out || stopping_) return finish(instance, std::move(outcome));
            apply_blocking(instance, std::move(inputs), std::move(outcome));
          });
    };
  });
}

void Engine::apply_blocking(Instance& instance, Inputs inputs, Outcome outcome) {
  auto* resource = static_cast<BlockingResource*>(instance.resource.get());
  pool_.submit([this, &instance, resource, inputs = std::move(inputs),
                outcome = std::move(outcome)]() mutable -> Pool::Done {
    add_apply(outcome, run_unit([&](Outcome& o, TimePoint) { o.staged = resource->stage(outcome.delta, inputs); }));
    return [this, &instance, outcome = std::move(outcome)]() mutable { end_blocking(instance, std::move(outcome)); };
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

// `meta: export` of what runs here too: it is published with its first success.
bool Engine::is_to_be_published(const Instance& instance) const {
  return publisher_ && !instance.published && instance.runs != Instance::Runs::Export && !dry(instance) &&
         !instance.declaration->exports_to().empty();
}

void Engine::publish_beside(Instance& instance, Outcome outcome) {
  publisher_->publish(shown_declaration(instance),
                      [this, alive = alive_, &instance, outcome = std::move(outcome)](Result<bool> result) mutable {
                        if (!*alive) return;
                        instance.published = result.has_value();
                        if (!result) outcome.error = Error(result.error()).while_doing("exporting it");
                        else if (*result)
                          outcome.delta.changes.push_back({.param = "export", .after = Value("published")});
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
  if (instance.retired) {
    // Who waits for it would wait for ever: let it fail and say so. It takes over what was to be refreshed.
    settle_refresh(instance, false);
    if (extras.heir) unhold(*extras.heir);
    return pump();
  }
  double limit = std::chrono::duration<double>(instance.declaration->meta->timeout).count();
  hold(instance);
  --holding_;  // it isn't waited for
  fail(instance, Error(fmt::format("timed out after {} s; what it waits for can't be interrupted", limit)),
       static_cast<float>(limit), std::nullopt);
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
    notify_receivers(instance, outcome);
    if (instance.retired) return end_run(instance, Schedule::Result::Fine);
    instance.running = false;
    --running_;
    ++holding_;
    unhold(instance);
    adopt_declaration(instance);
    mark_dirty(instance, report::Cause::Why::Retry);
    check_stopped();
    return pump();
  }
  notify_receivers(instance, outcome);
  if (instance.retired || stopping_) {
    settle_refresh(instance, false);
    bool tells = !stopping_ || std::ranges::find(waited_for_, instance.declaration->id()) != waited_for_.end();
    if (tells && !outcome.error && !outcome.delta.empty() && report_.wanted())
      report_change(instance, outcome, dry(instance));
    if (stopping_ && tells && outcome.error && report_.wanted())
      report_.emit(report::Failed{.resource = instance.declaration->id(),
                                  .place = graph_->place_of(instance.declaration->pos),
                                  .error = outcome.error->text(),
                                  .hint = outcome.error->hint_text(),
                                  .seconds = static_cast<double>(outcome.seconds)});
    return end_run(instance, Schedule::Result::Fine);
  }
  if (instance.first_seconds == 0) instance.first_seconds = std::max(outcome.seconds, 1e-9f);
  if (std::exchange(instance.timed_out, false) && outcome.error)
    outcome.error = Error(fmt::format("timed out after {} s",
                                      std::chrono::duration<double>(instance.declaration->meta->timeout).count()))
                        .hint("`meta: timeout` sets the limit");
  if (outcome.error) return fail(instance, *outcome.error, outcome.seconds, std::nullopt, told(outcome));
  if (is_to_be_published(instance)) return publish_beside(instance, std::move(outcome));

  instance.failures = 0;
  if (success_resets_retries(*instance.declaration->meta)) instance.retries_used = 0;
  settle_refresh(instance, true);
  if (!dry(instance)) {
    if (const std::string& undone = instance.declaration->undoes; !undone.empty() && undo_journal_)
      undo_journal_->drop(undone);
    outcome.received = std::exchange(instance.received_new, false);
    keep_outputs(instance);
  }
  bool is_dry = dry(instance);
  if (!outcome.delta.empty()) {
    report_change(instance, outcome, is_dry);
  } else {
    instance.was_fine = true;
    if (extras) {
      extras->last_dry.clear();
      extras->changed_by.reset();
    }
    if (report_.wanted())
      report_.emit(report::Fine{instance.declaration->id(), static_cast<double>(outcome.seconds), told(outcome)});
  }
  end_run(instance, Schedule::Result::Fine);
}

void Engine::fail(Instance& instance, const Error& error, float seconds, std::optional<Duration> rearm_in,
                  const report::Timing& timing) {
  ++instance.failures;
  settle_refresh(instance, false);
  const Meta& meta = *instance.declaration->meta;
  std::optional<Duration> wait = rearm_in;
  // What an abandoned job stands in the way of is tried again when that job comes back.
  auto* extras = instance.extras_if_any();
  if (!wait && !is_abandoned(instance) && !(extras && extras->waiting_for)) {
    double chance = std::uniform_real_distribution<>()(random_);
    wait = retry_wait(meta, instance.retries_used, chance, error.passes());
    if (wait) ++instance.retries_used;
  }
  convergence_.active(Clock::now());
  if (report_.wanted()) {
    report_.emit(report::Failed{.resource = instance.declaration->id(),
                                .place = graph_->place_of(instance.declaration->pos),
                                .error = error.text(),
                                .hint = error.hint_text(),
                                .retry_in = wait ? std::chrono::duration<double>(*wait).count() : -1,
                                .seconds = static_cast<double>(seconds),
                                .times = instance.failures,
                                .timing = timing});
  }
  if (wait) {
    if (!std::exchange(instance.retry_due, true)) ++retries_due_;
    instance.extras(loop_).retry.after(*wait, [this, &instance] {
      mark_dirty(instance, report::Cause::Why::Retry);
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
    schedule_.release_semaphores(semaphores_of(*instance.declaration));
    if (Instance* heir = instance.extras_if_any() ? instance.extras_if_any()->heir : nullptr) {
      heir->extras(loop_).waiting_for = nullptr;
      if (heir->holds > 0) unhold(*heir);
      else mark_dirty(*heir, report::Cause::Why::Retry);
    }
    std::erase_if(retired_, [&](const auto& one) { return one.get() == &instance; });
    check_stopped();
    return pump();
  }
  Instance::Pending pending = std::exchange(instance.pending, Instance::Pending::Nothing);
  schedule_.done(instance.at, result);
  if (pending == Instance::Pending::Again ||
      (pending == Instance::Pending::Entry && !(result == Schedule::Result::Fine && instance.resource->is_own_echo())))
    look_again(instance, report::Cause::Why::Event);
  check_stopped();
  pump();
}

void Engine::on_look(Instance& instance, Look look, report::Cause::Why why) {
  if (instance.retired || stopping_) return;
  if (instance.running) {
    auto pending = look == Look::Again ? Instance::Pending::Again : Instance::Pending::Entry;
    instance.pending = std::max(instance.pending, pending);
    return;
  }
  if (look == Look::Entry && schedule_.state(instance.at) == Schedule::State::Clean && instance.resource->is_own_echo())
    return;
  // The first is why; what comes before it is looked at may be our own.
  if (why == report::Cause::Why::Event && !instance.told && report_.wanted())
    if (auto told = files_.telling()) instance.told = std::make_unique<std::string>(to_text(*told));
  look_again(instance, why);
  // Not yet: more may come with it, and a file isn't to run before the folder that went at the same time.
  pump_soon();
}

std::string Engine::take_told(Instance& instance) {
  if (auto told = std::exchange(instance.told, nullptr)) return std::move(*told);
  return instance.resource ? instance.resource->take_told() : "";
}

// As `meta: limit` and `burst` allow: at once, or when the time has come.
void Engine::look_again(Instance& instance, report::Cause::Why why) {
  const Meta& meta = *instance.declaration->meta;
  mark_dirty(instance, why);
  if (!std::isfinite(meta.limit)) return;
  auto& extras = instance.extras(loop_);
  if (extras.limited.pending()) return;
  Duration wait = extras.rate.take(Clock::now(), meta.limit, meta.burst);
  if (wait == 0s) return;
  hold(instance);
  extras.limited.after(wait, [this, &instance] {
    auto& rate = instance.extras(loop_).rate;
    rate.take(Clock::now(), instance.declaration->meta->limit, instance.declaration->meta->burst);
    unhold(instance);
    pump();
  });
}

void Engine::mark_dirty(Instance& instance, report::Cause::Why why) {
  if (std::exchange(instance.retry_due, false)) {
    --retries_due_;
    instance.extras(loop_).retry.cancel();
  }
  // What was sent stays the reason, whatever else comes before it is looked at.
  bool was_sent = instance.why == report::Cause::Why::Received && !instance.running &&
                  schedule_.state(instance.at) == Schedule::State::Dirty;
  if (!was_sent || why != report::Cause::Why::Event) instance.why = why;
  // One whose job was abandoned stays failed until that comes back, and is looked at then.
  if (instance.running) instance.pending = Instance::Pending::Again;
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

}  // namespace mgmt
