// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: what goes along edges, refreshes and values.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "src/engine/run/engine.h"
#include "src/resources/secrets.h"
#include "src/resources/wire.h"
#include "src/value/json.h"

namespace mgmt {

using report::Cause;

void Engine::build_edges() {
  notifies_.clear();
  receivers_.clear();
  receives_.clear();
  sends_.clear();
  const std::vector<Topology::Edge>& ends = graph_->topology.edges();
  for (std::size_t e = 0; e < ends.size(); ++e) {
    const EdgeInfo& edge = graph_->edges[e];
    auto [from, to] = ends[e];
    if (edge.notify && !graph_->vertices[to]->kind->refresh.empty()) {
      std::string receiver = graph_->vertices[to]->id();
      receivers_.emplace(receiver, to);
      notifies_[from].push_back(std::move(receiver));
    }
    for (const Send& send : edge.sends) receives_[to].push_back({from, send, edge.pos});
    if (edge.sends.empty()) continue;
    Sends& sends = sends_[from];
    sends.to.push_back(to);
    for (const Send& send : edge.sends) sends.outputs |= 1u << send.output;
  }
  // One that was kept may be given its values by others now, or by nobody.
  for (const auto& instance : instances_) {
    auto* extras = instance->extras_if_any();
    bool receives = receives_.contains(instance->at);
    bool received = extras && !extras->received.empty();
    if ((receives || received) && schedule_.state(instance->at) == Schedule::State::Clean)
      mark_dirty(*instance, Cause::Why::Received);
    if (received && !receives) {
      extras->received.clear();
      adopt_declaration(*instance);
    }
  }
}

void Engine::restore_refreshes(std::vector<RefreshRow> rows) { refreshes_.restore(std::move(rows)); }

void Engine::drop_refreshes_of_the_gone() {
  if (refreshes_.empty()) return;
  std::unordered_set<std::string> present;
  for (const auto& declaration : graph_->vertices)
    if (!declaration->kind->refresh.empty()) present.insert(declaration->id());
  Refreshes::Dropped dropped = refreshes_.drop_unless([&](const std::string& id) { return present.contains(id); });
  for (const RefreshRow& row : dropped.owed) {
    report_.emit(report::Notice{
        report::Notice::Level::Warning,
        fmt::format("{} was still to be refreshed by {}, and isn't in the graph any more", row.receiver, row.sender)});
  }
  clear_rows(std::move(dropped.rows));
}

void Engine::clear_rows(std::vector<std::uint64_t> ids) {
  if (!ids.empty() && journal_ && !options_.noop) journal_->clear(std::move(ids));
}

// Whom a run of this vertex owes a refresh if it changes something.
const std::vector<std::string>* Engine::notified_by(const Instance& instance) const {
  if (notifies_.empty() || instance.declaration->meta->noop || instance.withheld) return nullptr;
  auto at = notifies_.find(instance.at);
  return at == notifies_.end() ? nullptr : &at->second;
}

void Engine::owe_refreshes(Instance& instance, std::move_only_function<void(Result<void>)> then) {
  auto& extras = instance.extras(loop_);
  Refreshes::Owing owing = refreshes_.owe(instance.declaration->id(), extras.owes_to);
  extras.owed = std::move(owing.added);
  if (owing.to_write.empty() || !journal_ || options_.noop) return then({});
  std::vector<RefreshRow> rows = owing.to_write;
  journal_->add(std::move(rows), [this, alive = alive_, &instance, rows = std::move(owing.to_write),
                                  then = std::move(then)](Result<void> result) mutable {
    if (!*alive) return;
    if (result) {
      clear_rows(refreshes_.written(rows));
    } else {
      clear_rows(refreshes_.forget(std::exchange(instance.extras(loop_).owed, {})));
      return then(std::unexpected(Error(result.error())
                                      .while_doing("noting down whom to refresh")
                                      .hint("nothing was changed: without it a refresh could be lost")));
    }
    then({});
  });
}

// What undoes a collected resource would have to be known again without its host.
bool Engine::wants_undo(const Instance& instance) const {
  const Declaration& declaration = *instance.declaration;
  return declaration.meta->reverse && !dry(instance) && instance.runs != Instance::Runs::Export &&
         declaration.origin.empty() && !(undo_journal_ && undo_journal_->has(declaration.id()));
}

// On the thread that checks.
Undo Engine::undo_of(Resource& resource) {
  Declaration undo = resource.undo();
  Result<std::string> encoded = wire::encode(undo);
  if (!encoded) throw Error(encoded.error()).while_doing("noting down how to undo it");
  if (encoded->size() > wire::kMaxBytes)
    throw Error("what it changes is too much to be kept, so that it could be undone").hint("leave out `meta: reverse`");
  return {resource.declaration().id(), std::move(*encoded), has_secrets(resource.declaration())};
}

// Nothing is changed before it is on the disk what would be lost without: how to undo it, and whom to refresh.
void Engine::before_change(Instance& instance, std::optional<Undo> undo,
                           std::move_only_function<void(Result<void>)> then) {
  if (!undo) return owe_refreshes(instance, std::move(then));
  if (!undo_journal_)
    return then(std::unexpected(Error("it couldn't be undone: nothing can be remembered here (`meta: reverse`)")));
  undo_journal_->keep(std::move(*undo), [this, alive = alive_, &instance,
                                         then = std::move(then)](Result<void> kept) mutable {
    if (!*alive) return;
    if (kept) return owe_refreshes(instance, std::move(then));
    then(std::unexpected(Error(kept.error()).while_doing("noting down how to undo it").hint("nothing was changed")));
  });
}

Instance* Engine::find_receiver(const std::string& id) const {
  if (auto at = receivers_.find(id); at != receivers_.end()) return instances_[at->second].get();
  // A swap took the edge away while the sender ran.
  auto at = std::ranges::find_if(instances_, [&](const auto& instance) { return instance->declaration->id() == id; });
  return at == instances_.end() ? nullptr : at->get();
}

// The run has ended, well or not: those whom it owes a refresh are to look.
void Engine::notify_receivers(Instance& instance, const Outcome& outcome) {
  auto* extras = instance.extras_if_any();
  if (!extras || extras->owes_to.empty()) return;
  std::vector<std::string> owes_to = std::exchange(extras->owes_to, {});
  std::vector<RefreshRow> owed = std::exchange(extras->owed, {});
  const std::string sender = instance.declaration->id();
  if (instance.runs == Instance::Runs::Export && !outcome.error && outcome.delta.empty()) {
    clear_rows(refreshes_.forget(owed));
  }
  // In a dry run nothing was owed before: it is what would be. Once, not with each poll that finds the same.
  if (options_.noop && !outcome.delta.empty() && extras->last_dry != to_json(outcome.delta))
    refreshes_.owe(sender, owes_to);
  for (const std::string& receiver : owes_to) {
    if (!refreshes_.ended(sender, receiver)) continue;
    if (Instance* found = find_receiver(receiver)) mark_dirty(*found, Cause::Why::Refresh);
  }
}

// A run that was given a refresh has ended.
void Engine::settle_refresh(Instance& instance, bool done) {
  if (!std::exchange(instance.refreshing, false)) return;
  std::string id = instance.declaration->id();
  // In a dry run it counts as done, so that it is said once; it is still due in the journal.
  if (done && (options_.noop || !dry(instance))) clear_rows(refreshes_.succeeded(id));
  else refreshes_.failed(id);
}

void Engine::keep_outputs(Instance& instance) {
  auto to = sends_.find(instance.at);
  if (to == sends_.end() || instance.retired || !instance.resource) return;
  std::vector<Value> outputs = instance.resource->outputs();
  auto& extras = instance.extras(loop_);
  if (extras.outputs == outputs) return;
  extras.outputs = std::move(outputs);
  for (VertexId receiver : to->second.to) {
    instances_[receiver]->extras(loop_).sent_by = instance.declaration->id();
    mark_dirty(*instances_[receiver], Cause::Why::Received);
  }
}

// Who sent what it is looked at for.
std::string Engine::sender_to(const Instance& instance) const {
  const auto* extras = instance.extras_if_any();
  if (extras && !extras->sent_by.empty()) return extras->sent_by;
  auto at = receives_.find(instance.at);
  return at == receives_.end() ? "" : instances_[at->second.front().from]->declaration->id();
}

bool Engine::holds_secrets(const Instance& instance) { return has_secrets(shown_declaration(instance)); }

// As it is at work, with what it has received.
const Declaration& Engine::shown_declaration(const Instance& instance) {
  return instance.resource ? instance.resource->declaration() : *instance.declaration;
}

std::shared_ptr<const Declaration> Engine::with_received(const Instance& instance) const {
  auto declaration = std::make_shared<Declaration>(*instance.declaration);
  for (const auto& [param, value, secret] : instance.extras_if_any()->received) {
    declaration->params.set(param, value, declaration->pos);
    if (secret) declaration->params.taint(param);
  }
  return declaration;
}

// In a dry run: who stands directly before it and would change something.
std::vector<const Declaration*> Engine::changes_before(const Instance& instance) const {
  std::vector<const Declaration*> found;
  for (VertexId before : graph_->topology.predecessors(instance.at)) {
    const auto* extras = std::as_const(*instances_[before]).extras_if_any();
    if (extras && !extras->last_dry.empty()) found.push_back(instances_[before]->declaration.get());
  }
  return found;
}

// Takes the values that others send. False if they can't be had: then the run has ended.
bool Engine::receive(Instance& instance, Inputs& inputs) {
  auto at = receives_.find(instance.at);
  if (at == receives_.end()) return true;
  auto& extras = instance.extras(loop_);
  std::vector<Instance::Received> received;
  const Kind& kind = *instance.declaration->kind;
  for (const Receive& one : at->second) {
    Instance& sender = *instances_[one.from];
    const Param& output = sender.declaration->kind->outputs[one.send.output];
    auto* sent = sender.extras_if_any();
    const Value* value = sent && one.send.output < sent->outputs.size() ? &sent->outputs[one.send.output] : nullptr;
    const Param& param = kind.params[one.send.param];
    std::string from = fmt::format("{}.{}", sender.declaration->id(), output.name);
    if (!value || value->is_none()) {
      if (inputs.dry) {
        Outcome outcome;
        outcome.delta.changes.push_back({.param = std::string(param.name), .known = false});
        finish(instance, std::move(outcome));
      } else {
        fail(instance,
             Error(fmt::format("{} is to be received from {}, which has sent nothing", param.name, from))
                 .hint("a guard kept it from running, perhaps"),
             0, std::nullopt);
      }
      return false;
    }
    Result<Value> checked = check_value(param, *value);
    if (!checked) {
      fail(instance, Error(checked.error()).while_doing(fmt::format("receiving {} from {}", param.name, from)), 0,
           std::nullopt);
      return false;
    }
    received.push_back({one.send.param, std::move(*checked), output.secret || holds_secrets(sender)});
  }
  if (extras.received == received) return true;
  std::swap(extras.received, received);
  std::shared_ptr<const Declaration> declaration = with_received(instance);
  Diagnostics problems;
  if (kind.validate) kind.validate(*declaration, problems);
  if (problems.has_errors()) {
    extras.received = std::move(received);
    fail(instance, Error(problems.items().front().text).while_doing("using what was received"), 0, std::nullopt);
    return false;
  }
  report_.hide(secrets_of(*declaration));
  instance.resource->adopt(std::move(declaration));
  instance.received_new = true;
  instance.published = false;
  return true;
}

}  // namespace mgmt
