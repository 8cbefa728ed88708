// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: from one graph to the next.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "src/engine/run/engine.h"
#include "src/engine/sync/sync.h"

namespace mgmt {

std::unique_ptr<Instance> Engine::make_instance(std::shared_ptr<const Declaration> declaration, VertexId at) {
  auto instance = std::make_unique<Instance>(std::move(declaration));
  instance->at = at;
  if (instance->declaration->exported) {
    instance->runs = Instance::Runs::Export;
    return instance;
  }
  instance->resource = instance->declaration->kind->create(instance->declaration, services_);
  switch (instance->resource->runs()) {
    case Resource::Runs::Inline: instance->runs = Instance::Runs::Inline; break;
    case Resource::Runs::Blocking: instance->runs = Instance::Runs::Blocking; break;
    case Resource::Runs::Async: instance->runs = Instance::Runs::Async; break;
  }
  return instance;
}

void Engine::load(std::shared_ptr<const ResourceGraph> next) {
  if (!next_ && is_unrealized())
    report_.emit(report::Notice{report::Notice::Level::Info,
                                "the changed graph waits until what has `meta: realize` has been fine once"});
  next_ = std::move(next);
  if (!is_unrealized()) swap();
}

bool Engine::is_unrealized() const {
  if (schedule_.quiet() && retries_due_ == 0 && holding_ == 0) return false;  // nothing more comes of waiting
  return std::ranges::any_of(
      instances_, [](const auto& instance) { return instance->declaration->meta->realize && !instance->was_fine; });
}

void Engine::swap() {
  std::shared_ptr<const ResourceGraph> next = std::exchange(next_, nullptr);
  SyncPlan plan = plan_sync(*graph_, *next);
  std::vector<std::unique_ptr<Instance>> instances(next->vertices.size());
  std::vector<Schedule::State> states(next->vertices.size(), Schedule::State::Dirty);
  bool files_moved = plan.added + plan.changed + plan.removed.size() > 0;

  for (VertexId v = 0; v < instances.size(); ++v) {
    const SyncPlan::Match& match = plan.matches[v];
    if (match.same && !begins_anew(*instances_[match.old])) {
      instances[v] = std::move(instances_[match.old]);
      states[v] = schedule_.state(match.old);
      instances[v]->at = v;
      instances[v]->declaration = next->vertices[v];
      adopt_declaration(*instances[v]);
      continue;
    }
    instances[v] = make_instance(next->vertices[v], v);
    Instance* running = nullptr;
    if (match.old == SyncPlan::kNone) {
      running = find_retired(*next->vertices[v]);
    } else {
      Instance& old = *instances_[match.old];
      instances[v]->why = report::Cause::Why::Declared;
      if (!instances[v]->declaration->meta->reset) instances[v]->retries_used = old.retries_used;
      running = old.running ? &old : old.extras_if_any() ? old.extras_if_any()->waiting_for : nullptr;
    }
    // One that runs is finished, not torn; the new one waits for it, or for the one that it was waiting for.
    if (running) {
      instances[v]->extras(loop_).waiting_for = running;
      running->extras(loop_).heir = instances[v].get();
      // An abandoned job may never come back: that fails (see start()) instead of waiting.
      if (!is_abandoned(*running)) hold(*instances[v]);
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
    holding_ -= old->holds - (is_abandoned(*old) ? 1 : 0);
    old->retry_due = false;
    old->holds = 0;
    retire(*old);
    (old->running ? retired_ : gone).push_back(std::move(old));
  }
  instances_ = std::move(instances);
  std::shared_ptr<const ResourceGraph> before = std::exchange(graph_, std::move(next));
  ++generation_;
  by_path_.clear();
  if (generation_ > 1) graph_begin_ = Clock::now();
  graph_has_converged_ = false;
  build_schedule(std::move(states));
  build_edges();
  if (files_moved || managed_) refresh_managed_paths(generation_ > 1);
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
  drop_refreshes_of_the_gone();
  if (!recheck_timer_.pending()) recheck_slowly();
  pump();
}

// `meta: rewatch`: what has failed for good is not kept as it is.
bool Engine::begins_anew(const Instance& old) const {
  return old.declaration->meta->rewatch && !old.retry_due && schedule_.state(old.at) == Schedule::State::Failed;
}

bool Engine::is_abandoned(const Instance& instance) {
  return instance.timed_out && instance.runs == Instance::Runs::Blocking;
}

// What an earlier graph left running under the same identity, if no other vertex waits for it.
Instance* Engine::find_retired(const Declaration& declaration) const {
  for (const auto& one : retired_) {
    const Declaration& old = *one->declaration;
    if (old.kind == declaration.kind && old.name == declaration.name && old.origin == declaration.origin &&
        old.exported == declaration.exported && !(one->extras_if_any() && one->extras_if_any()->heir))
      return one.get();
  }
  return nullptr;
}

// What runs reads its declaration from another thread: then it is left until it ends.
void Engine::adopt_declaration(Instance& instance) {
  if (!instance.resource || instance.running) return;
  auto* extras = instance.extras_if_any();
  instance.resource->adopt(extras && !extras->received.empty() ? with_received(instance) : instance.declaration);
}

std::vector<std::string> Engine::semaphores_of(const Declaration& declaration) const {
  std::vector<std::string> names = declaration.meta->sema;
  if (options_.sema > 0) names.push_back(fmt::format(":{}", options_.sema));
  return names;
}

void Engine::build_schedule(std::vector<Schedule::State> states) {
  std::vector<std::vector<std::string>> semaphores;
  bool any = options_.sema > 0;
  for (const auto& declaration : graph_->vertices) any |= !declaration->meta->sema.empty();
  if (any)
    for (const auto& declaration : graph_->vertices) semaphores.push_back(semaphores_of(*declaration));
  schedule_ = Schedule(graph_->topology, std::move(states), std::move(semaphores));
  for (const auto& instance : instances_)
    if (instance->holds > 0) schedule_.hold(instance->at);
  if (any)
    for (const auto& one : retired_)
      if (one->running) schedule_.hold_semaphores(semaphores_of(*one->declaration));
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
  std::shared_ptr<const ManagedPaths> before = std::exchange(managed_, options_.managed);
  if (!managed_) managed_ = std::make_shared<ManagedPaths>(managed_paths_of(graph_, options_.store_folder));
  if (mark_views && !(before && same_managed(*before, *managed_)))
    for (Instance* view : views) mark_dirty(*view, report::Cause::Why::Declared);
}

void Engine::retire(Instance& instance) {
  instance.retired = true;
  if (auto* extras = instance.extras_if_any()) {
    extras->retry.cancel();
    extras->poll.cancel();
    extras->pause.cancel();
    extras->limited.cancel();
  }
}

}  // namespace mgmt
