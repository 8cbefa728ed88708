// SPDX-License-Identifier: GPL-3.0-or-later
// Settler: the agent's side of `mgmt settle`: answers once everything that happened before the question has been seen
// and handled, or when its time is over. On the loop's thread.
//
// What happened before is known without a cookie file: see docs/decisions/0013.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "src/async/loop.h"
#include "src/engine/run/engine.h"

namespace mgmt::cli {

class Settler {
 public:
  using Reply = std::function<void(std::string json)>;

  /// `reads_file`: a change of the graph's file has been seen, and isn't read yet.
  Settler(Loop& loop, Engine& engine, std::function<bool()> reads_file);
  ~Settler() { *alive_ = false; }
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  /// Replies with {"settled": true or false, "resources", "failed", "left", "failed_ones", "left_ones"}.
  void ask(Duration limit, Reply reply);
  /// The graph's file has been read, and its graph loaded if it is one.
  void on_file_read();

 private:
  struct Question {
    explicit Question(Loop& loop) : limit(loop) {}
    Reply reply;
    Loop::Timer limit;
    bool waits_for_file = false;
  };

  void in_two_turns(std::move_only_function<void()> call);
  void begin(Duration limit, Reply reply);
  void wait_for_engine(std::uint64_t id);
  void answer(std::uint64_t id, bool settled);

  Loop& loop_;
  Engine& engine_;
  std::function<bool()> reads_file_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Question>> questions_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mgmt::cli
