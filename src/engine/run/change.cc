// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: what a change is to who is told of it, and who is changed back too often.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "src/engine/run/engine.h"
#include "src/resources/secrets.h"
#include "src/value/json.h"

namespace mgmt {

using namespace std::chrono_literals;

report::Timing told(const Outcome& outcome) {
  report::Timing timing = outcome.timing;
  if (outcome.end != TimePoint{}) timing.ago = std::chrono::duration<double>(Clock::now() - outcome.end).count();
  return timing;
}

void Engine::report_change(Instance& instance, Outcome& outcome, bool is_dry) {
  // What follows from the change of another is no drift.
  bool refresh = std::ranges::any_of(outcome.delta.changes, [](const Change& c) { return c.param == "refresh"; });
  bool again = instance.was_fine && !is_dry && !refresh && instance.runs != Instance::Runs::Export;
  // Nobody can change back what is no state, and what was sent is another state.
  bool acts = is_action(outcome.delta);
  bool repair = again && !acts && !outcome.received;
  for (std::string& text : outcome.delta.warnings)
    if (warned_.insert(text).second) report_.emit(report::Notice{report::Notice::Level::Warning, std::move(text)});
  if (is_dry) {
    // The same difference, found again by a poll or an event, is no news.
    std::string text = to_json(outcome.delta);
    auto& extras = instance.extras(loop_);
    if (extras.last_dry == text) {
      if (report_.wanted())
        report_.emit(report::Fine{instance.declaration->id(), static_cast<double>(outcome.seconds), told(outcome)});
      return;
    }
    extras.last_dry = std::move(text);
  } else {
    instance.was_fine = true;
  }
  convergence_.active(Clock::now());
  changed_since_poll_ |= !is_dry;
  if (!instance.withheld) ++(repair ? counters_.repaired : counters_.changed);
  std::shared_ptr<const Process> by;
  if (auto* extras = instance.extras_if_any()) by = std::exchange(extras->changed_by, nullptr);
  if (!repair) by.reset();
  if (report_.wanted()) {
    redact(outcome.delta, shown_declaration(instance));
    report_.emit(report::Changed{.resource = instance.declaration->id(),
                                 .delta = std::make_shared<Delta>(std::move(outcome.delta)),
                                 .repair = repair,
                                 .dry = is_dry,
                                 .seconds = static_cast<double>(outcome.seconds),
                                 .timing = told(outcome),
                                 .by = by});
  }
  bool wakes_itself = again && acts && instance.why == report::Cause::Why::Event;
  if ((repair || wakes_itself) && !instance.retired) slow_down(instance, repair, by.get());
}

// What is repaired too often, or runs again and again by what it watches, is left alone for a while.
void Engine::slow_down(Instance& instance, bool repair, const Process* by) {
  auto& extras = instance.extras(loop_);
  // How often somebody's commands may run is nothing that a limit of repairs says: only a loop is stopped.
  std::uint32_t limit = repair ? options_.repair_limit : std::max(options_.repair_limit, Options{}.repair_limit);
  auto decision = extras.repairs.repaired(Clock::now(), limit, options_.repair_period);
  if (decision.pause == 0s) return;
  double period = std::chrono::duration<double>(options_.repair_period).count();
  if (repair) extras.paused_for = fmt::format("it was changed back more than {} times in {} s", limit, period);
  else extras.paused_for = fmt::format("it ran more than {} times in {} s by what it watches", limit, period);
  if (decision.warn) {
    std::string id = instance.declaration->id();
    if (repair)
      report_.emit(report::Notice{
          report::Notice::Level::Warning,
          fmt::format(
              "{} was changed back more than {} times in {} s: {} writes it too; it is now looked at less often", id,
              limit, period, by ? by->text() : "somebody else"),
          "end the other writer, or take the resource out of the graph"});
    else
      report_.emit(report::Notice{report::Notice::Level::Warning,
                                  fmt::format("{} ran more than {} times in {} s by what it watches; it is now looked "
                                              "at less often",
                                              id, limit, period),
                                  "perhaps it writes what it watches itself"});
  }
  hold(instance);
  extras.pause.after(decision.pause, [this, &instance] {
    unhold(instance);
    pump();
  });
}

}  // namespace mgmt
