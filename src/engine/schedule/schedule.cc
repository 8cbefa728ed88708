// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/schedule.h"

#include <algorithm>
#include <charconv>

namespace mgmt {

std::uint32_t semaphore_size(const std::string& name) {
  std::size_t colon = name.rfind(':');
  if (colon == std::string::npos) return 1;
  std::int32_t size = 0;
  auto [end, failure] = std::from_chars(name.data() + colon + 1, name.data() + name.size(), size);
  return failure == std::errc() && end == name.data() + name.size() && size > 0 ? static_cast<std::uint32_t>(size) : 1;
}

Schedule::Schedule(const Topology& topology, std::vector<State> initial,
                   std::vector<std::vector<std::string>> semaphores)
    : topology_(&topology), vertices_(topology.size()) {
  for (VertexId v = 0; v < vertices_.size(); ++v) vertices_[v].state = initial[v];
  for (VertexId v = 0; v < semaphores.size(); ++v) {
    if (semaphores[v].empty()) continue;
    std::vector<std::uint32_t>& needs = needs_[v];
    for (const std::string& name : semaphores[v]) {
      auto [at, added] = semaphore_index_.emplace(name, static_cast<std::uint32_t>(semaphores_.size()));
      if (added) semaphores_.push_back({.free = static_cast<std::int32_t>(semaphore_size(name)), .waiting = {}});
      needs.push_back(at->second);
    }
    std::ranges::sort(needs);
    needs.erase(std::ranges::unique(needs).begin(), needs.end());
    if (initial[v] == State::Running)
      for (std::uint32_t id : needs) --semaphores_[id].free;
  }
  for (VertexId v : topology.topological_order()) {
    Vertex& vertex = vertices_[v];
    for (VertexId predecessor : topology.predecessors(v))
      if (!settled(vertices_[predecessor])) ++vertex.blockers;
    count(vertex.state, 1);
    if (ready(vertex)) {
      ++ready_;
      enqueue(v);
    }
  }
}

void Schedule::count(State state, int by) {
  std::size_t* counter = state == State::Running  ? &running_
                         : state == State::Failed ? &failed_
                         : state == State::Clean  ? &clean_
                                                  : nullptr;
  if (counter) *counter += static_cast<std::size_t>(by);
}

void Schedule::enqueue(VertexId vertex) {
  if (vertices_[vertex].queued) return;
  vertices_[vertex].queued = true;
  queue_.push_back(vertex);
}

void Schedule::note_ready(VertexId id, bool was_ready) {
  bool is_ready = ready(vertices_[id]);
  if (is_ready == was_ready) return;
  if (is_ready) {
    ++ready_;
    enqueue(id);
  } else {
    --ready_;
  }
}

template <class Change>
void Schedule::update(VertexId id, Change change) {
  Vertex& vertex = vertices_[id];
  bool was_settled = settled(vertex), was_ready = ready(vertex);
  State before = vertex.state;
  change(vertex);
  if (vertex.state != before) {
    count(before, -1);
    count(vertex.state, 1);
  }
  note_ready(id, was_ready);
  if (settled(vertex) != was_settled) spread(id, !was_settled);
}

// Depth first over those whose own settledness changes with it; each is visited once, since it changes only
// when its count of blockers leaves or reaches 0.
void Schedule::spread(VertexId from, bool now_settled) {
  std::size_t base = stack_.size();
  stack_.push_back(from);
  while (stack_.size() > base) {
    VertexId at = stack_.back();
    stack_.pop_back();
    for (VertexId id : topology_->successors(at)) {
      Vertex& vertex = vertices_[id];
      bool was_settled = settled(vertex), was_ready = ready(vertex);
      vertex.blockers += now_settled ? -1u : 1u;
      note_ready(id, was_ready);
      if (settled(vertex) != was_settled) stack_.push_back(id);
    }
  }
}

void Schedule::dirty(VertexId id) {
  Vertex& vertex = vertices_[id];
  if (vertex.state == State::Running) vertex.again = true;
  else if (vertex.state != State::Dirty) update(id, [](Vertex& v) { v.state = State::Dirty; });
}

void Schedule::hold(VertexId id) {
  update(id, [](Vertex& v) { v.held = true; });
}

void Schedule::unhold(VertexId id) {
  update(id, [](Vertex& v) { v.held = false; });
}

bool Schedule::acquire(VertexId id) {
  auto needs = needs_.find(id);
  if (needs == needs_.end()) return true;
  for (std::uint32_t semaphore : needs->second) {
    if (semaphores_[semaphore].free <= 0) {
      semaphores_[semaphore].waiting.push_back(id);
      return false;
    }
  }
  for (std::uint32_t semaphore : needs->second) --semaphores_[semaphore].free;
  return true;
}

void Schedule::release(VertexId id) {
  auto needs = needs_.find(id);
  if (needs == needs_.end()) return;
  for (std::uint32_t semaphore : needs->second) free_one(semaphore);
}

void Schedule::free_one(std::uint32_t semaphore) {
  if (++semaphores_[semaphore].free > 0 && !semaphores_[semaphore].waiting.empty()) freed_.push_back(semaphore);
}

void Schedule::hold_semaphores(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (auto at = semaphore_index_.find(name); at != semaphore_index_.end()) --semaphores_[at->second].free;
}

void Schedule::release_semaphores(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (auto at = semaphore_index_.find(name); at != semaphore_index_.end()) free_one(at->second);
}

std::optional<VertexId> Schedule::next() {
  while (true) {
    VertexId id;
    // Who waits for a semaphore was ready before those in the queue.
    while (!freed_.empty() && (semaphores_[freed_.back()].free <= 0 || semaphores_[freed_.back()].waiting.empty()))
      freed_.pop_back();
    if (!freed_.empty()) {
      id = semaphores_[freed_.back()].waiting.front();
      semaphores_[freed_.back()].waiting.pop_front();
    } else if (!queue_.empty()) {
      id = queue_.front();
      queue_.pop_front();
    } else {
      return std::nullopt;
    }
    Vertex& vertex = vertices_[id];
    vertex.queued = false;
    // It may have ceased to be ready since it was queued; then it is queued again when it is.
    if (!ready(vertex)) continue;
    if (!acquire(id)) {
      vertex.queued = true;
      continue;
    }
    update(id, [](Vertex& v) { v.state = State::Running; });
    return id;
  }
}

void Schedule::done(VertexId id, Result result) {
  release(id);
  bool again = vertices_[id].again;
  vertices_[id].again = false;
  State after = again ? State::Dirty : result == Result::Fine ? State::Clean : State::Failed;
  update(id, [after](Vertex& v) { v.state = after; });
}

}  // namespace mgmt
