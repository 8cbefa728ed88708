// SPDX-License-Identifier: GPL-3.0-or-later
// Rules: what the engine's report may say and when. Reads it like any view, keeps its own idea of what each thing's
// state is (from the report and the events of the machine alone), and says which rule is broken:
//
//   - a vertex runs only when everything before it is settled, when it has a reason to, and not twice at once
//   - no semaphore has more holders than its size
//   - a swap leaves what is equal untouched, and waits for what has `realize`
//   - a refresh that was carried out is over
//   - converged (or settled) is said only when nothing is due, running or wrong, and not before the window's end
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/engine/run/engine.h"
#include "tests/simulator/journal.h"
#include "tests/simulator/log.h"
#include "tests/simulator/machine.h"

namespace mgmt::simulator {

inline constexpr std::size_t kMostThings = 64;
using Things = std::bitset<kMostThings>;

class Rules {
 public:
  Rules(Machine& machine, Journal& journal, Log& log) : machine_(machine), journal_(journal), log_(log) {}

  /// A new process.
  void begin(Engine& engine, const Engine::Options& options);
  void end() { engine_ = nullptr; }

  void on_event(const report::Event& event);
  void on_left(std::uint32_t thing, bool heard);
  void on_notify(std::uint32_t thing, events::FileWatcher::Event event, bool echo);
  void on_made(std::uint32_t thing) { made_.set(thing); }
  bool in_graph(std::uint32_t thing) const { return present_.test(thing); }

  /// After the handler that brought a new graph.
  void after_step();

  /// Nothing is on its way any more, and nothing fails by chance: all that isn't behind a failure is as declared.
  void at_rest();
  /// Those that have failed, and are looked at again only after an event.
  Things failed() const;
  bool is_behind(std::uint32_t thing, const Things& others) const { return (before_[thing] & others).any(); }

 private:
  enum class State : std::uint8_t { Dirty, Running, Clean, Failed };
  struct One {
    State state = State::Dirty;
    bool must = true;                   // it has to run
    bool reason = true;                 // it may
    std::optional<TimePoint> retry_at;  // by itself
    bool retired = false;               // an earlier declaration of it still runs
    bool limited = false;               // that one may have run out of its time, which isn't reported
    bool retires = false;               // the engine is just hearing of its end
    bool was_fine = false;
    std::uint32_t failures = 0;
    std::vector<std::uint64_t> given;  // the rows that its run carries out
    bool shared = false;               // a sender has been at work beside that run: it may need them longer
    std::vector<std::string> holds;
  };

  bool is_at_work(std::uint32_t thing) const;
  void on(const report::GraphStarted& event);
  void on(const report::Started& event);
  void on(const report::Changed& event);
  void on(const report::Fine& event);
  void on(const report::Failed& event);
  void on(const report::Converged& event);
  void on(const report::Settled& event);
  template <class Other>
  void on(const Other& /*event*/) {}

  void fine(std::uint32_t thing);
  void announced(bool all_fine);
  bool is_ready(std::uint32_t thing) const;
  static bool retry_due(const One& one);
  void tell_receivers(std::uint32_t sender);
  /// Its job runs on, though its time was over.
  bool is_abandoned(std::uint32_t thing) const;
  void make_dirty(std::uint32_t thing);
  void let_go(One& one);
  const Declaration& declaration(std::uint32_t thing) const { return *declarations_[thing]; }
  void check_as_declared(std::uint32_t thing, const char* when);

  Machine& machine_;
  Journal& journal_;
  Log& log_;
  Engine* engine_ = nullptr;
  Engine::Options options_;

  std::vector<std::shared_ptr<const Declaration>> declarations_ =
      std::vector<std::shared_ptr<const Declaration>>(kMostThings);
  std::vector<Things> before_ = std::vector<Things>(kMostThings);  // all that is before each
  std::vector<std::vector<std::uint32_t>> notifies_ = std::vector<std::vector<std::uint32_t>>(kMostThings);
  std::vector<One> ones_ = std::vector<One>(kMostThings);
  Things present_, made_, equal_, unsettled_;
  bool swapped_ = false;
  std::map<std::string, int> holders_;
  TimePoint last_activity_{};
  bool announced_ = false;
};

}  // namespace mgmt::simulator
