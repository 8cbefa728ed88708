// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/loop.h"
#include "src/resources/resource.h"
#include "src/resources/timer/docs.h"

namespace mgmt {
namespace {

using namespace std::chrono_literals;

constexpr Param kParams[] = {
    {.name = "interval",
     .type = kDuration,
     .doc = "How often the timer fires.",
     .required = true,
     .min = 10,
     .max = 31'536'000'000,
     .unit = "s"},
};
constexpr ParamIndex kInterval = param_index(kParams, "interval");

class Ticks : public Subscription {
 public:
  Ticks(Loop& loop, Duration interval, Notify notify) : timer_(loop), interval_(interval), notify_(std::move(notify)) {
    arm(Clock::now() + interval_);
  }

 private:
  void arm(TimePoint when) {
    // From the planned time, not from now: late ticks don't add up.
    timer_.at(when, [this, when] {
      arm(std::max(when + interval_, Clock::now()));
      notify_(Look::Again);
    });
  }

  Loop::Timer timer_;
  Duration interval_;
  Notify notify_;
};

class Timer : public InlineResource {
 public:
  Timer(std::shared_ptr<const Declaration> declaration, Loop& loop)
      : InlineResource(std::move(declaration)), loop_(loop) {}

  void watch(Subscriptions& into, Notify notify) override {
    Duration interval = declaration_->params.find_duration(kInterval).value_or(1s);
    into.push_back(std::make_unique<Ticks>(loop_, interval, std::move(notify)));
  }
  Delta check(const Inputs& /*inputs*/) override { return {}; }
  void apply(const Delta& /*delta*/) override {}

 private:
  Loop& loop_;
};

}  // namespace

extern const Kind kTimerKind;
constinit const Kind kTimerKind{
    .name = "timer",
    .summary = "Fires at an interval, and looks at nothing.",
    .params = kParams,
    .doc = timer_docs::kDoc,
    .example = timer_docs::kExample,
    .create = [](std::shared_ptr<const Declaration> declaration, Services& services) -> std::unique_ptr<Resource> {
      return std::make_unique<Timer>(std::move(declaration), services.loop);
    },
};

}  // namespace mgmt
