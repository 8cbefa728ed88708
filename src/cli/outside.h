// SPDX-License-Identifier: GPL-3.0-or-later
// Outside, Inside: the two ends of the one socket into the place where a plan is made (see confine.h). It carries, and
// in this order: in, a descriptor; out, the questions of the graph's kinds (Kind::question); in, their answers. Inside,
// all of it is over and closed before the first guard is started, and outside nothing but these questions is
// understood, and nothing but reading is done for them.
//
//   Outside outside(memory);                              confine::run({"/proc/self/exe", ...}, outside.inside());
//   Inside inside(3);                                     auto answers = inside.ask(*file.graph);
#pragma once

#include <memory>

#include "src/base/fd.h"
#include "src/resources/kind.h"
#include "src/resources/resource_graph.h"

namespace mgmt::cli {

/// A process of its own that answers, and ends with this object or when it has answered.
class Outside {
 public:
  /// `keep`: what is handed in; -1: nothing. Before any thread is started. Throws Error.
  explicit Outside(int keep);
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  /// The other end, for the process inside.
  int inside() const { return inside_.get(); }

 private:
  Fd inside_;
  Fd process_;  // a pidfd
};

class Inside {
 public:
  /// Takes over the descriptor, and what was handed in. Whatever else it is: nothing was, and nobody answers.
  explicit Inside(int socket);
  /// What was handed in; none: an empty Fd.
  const Fd& kept() const { return kept_; }
  /// Waits until all that `graph` asks is answered, and closes. To be called once. Never throws.
  std::shared_ptr<const Answers> ask(const ResourceGraph& graph);

 private:
  Fd socket_, kept_;
};

}  // namespace mgmt::cli
