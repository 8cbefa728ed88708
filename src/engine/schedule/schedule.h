// SPDX-License-Identifier: GPL-3.0-or-later
// Schedule: which vertex may run now. Pure: no clock, no waiting.
//
// A vertex is in one of these states:
//   Clean    its last run was fine, and nothing has happened since
//   Dirty    it has to be looked at
//   Running  it was handed out by next() and done() has not been called yet
//   Failed   its last run failed; it waits for an event or a retry
//
// It is handed out when it is Dirty, not held, all its semaphores are free, and everything before it is
// settled: each predecessor Clean, and everything before that too. There are no waves: whatever can
// run is handed out at once. The cost of an event is that of the edges behind it whose state changes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/graph/topology.h"

namespace mgmt {

class Schedule {
 public:
  enum class State : std::uint8_t { Clean, Dirty, Running, Failed };
  enum class Result { Fine, Failed };

  Schedule() = default;
  /// `initial` gives each vertex its state (in a swap, those that are kept go on as they were); a vertex that
  /// is Running holds its semaphores. `topology` must outlive the schedule and have no cycle.
  Schedule(const Topology& topology, std::vector<State> initial, std::vector<std::vector<std::string>> semaphores);

  /// Something may have changed: look again. Of a running vertex: once more when it is done.
  void dirty(VertexId vertex);
  /// The next vertex to run, which is Running then.
  std::optional<VertexId> next();
  /// A running vertex has ended.
  void done(VertexId vertex, Result result);
  /// A held vertex isn't handed out, whatever its state.
  void hold(VertexId vertex);
  void unhold(VertexId vertex);
  /// What a graph before left running, and no vertex of this one stands for, holds these semaphores until it ends.
  void hold_semaphores(const std::vector<std::string>& names);
  void release_semaphores(const std::vector<std::string>& names);

  State state(VertexId vertex) const { return vertices_[vertex].state; }
  /// Dirty, but something before it isn't settled.
  bool blocked(VertexId vertex) const {
    return vertices_[vertex].state == State::Dirty && vertices_[vertex].blockers > 0;
  }
  /// Nothing is running and nothing could: what is still dirty is behind something that failed.
  bool quiet() const { return running_ == 0 && ready_ == 0; }
  std::size_t running() const { return running_; }
  std::size_t failed() const { return failed_; }
  std::size_t clean() const { return clean_; }
  std::size_t size() const { return vertices_.size(); }

 private:
  struct Vertex {
    std::uint32_t blockers = 0;  // predecessors that aren't settled
    State state = State::Dirty;
    bool again = false;  // dirty() came while it ran
    bool held = false;
    bool queued = false;  // in queue_ or waiting for a semaphore
  };
  struct Semaphore {
    std::int32_t free = 0;  // below 0 where what runs on from the graph before is more than it allows now
    std::deque<VertexId> waiting;
  };

  bool settled(const Vertex& vertex) const { return vertex.state == State::Clean && vertex.blockers == 0; }
  bool ready(const Vertex& vertex) const {
    return vertex.state == State::Dirty && vertex.blockers == 0 && !vertex.held;
  }
  void count(State state, int by);
  /// Changes a vertex through `change` and tells those behind it if it became settled or ceased to be.
  template <class Change>
  void update(VertexId vertex, Change change);
  void spread(VertexId vertex, bool now_settled);
  void note_ready(VertexId vertex, bool was_ready);
  void enqueue(VertexId vertex);
  bool acquire(VertexId vertex);
  void release(VertexId vertex);
  void free_one(std::uint32_t semaphore);

  const Topology* topology_ = nullptr;
  std::vector<Vertex> vertices_;
  std::deque<VertexId> queue_;
  std::size_t ready_ = 0, running_ = 0, failed_ = 0, clean_ = 0;
  std::vector<VertexId> stack_;  // of spread(), kept for its memory

  std::vector<Semaphore> semaphores_;
  std::unordered_map<std::string, std::uint32_t> semaphore_index_;
  std::unordered_map<VertexId, std::vector<std::uint32_t>> needs_;  // sorted; most vertices need none
  std::vector<std::uint32_t> freed_;                                // semaphores with somebody to wake
};

/// The number of holders that a semaphore's name allows: 3 for "disk:3", 1 for "disk".
std::uint32_t semaphore_size(const std::string& name);

}  // namespace mgmt
