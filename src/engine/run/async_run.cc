// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/run/async_run.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "src/resources/async_resource.h"

namespace mgmt {

namespace asio = boost::asio;

namespace {

struct Run : AsyncRun {
  asio::cancellation_signal signal;
  /// When the check ended and the apply began; none if that didn't come.
  TimePoint checked{}, applying{};
  void cancel() override { signal.emit(asio::cancellation_type::terminal); }
};

using Approve = std::function<std::optional<Error>(const Declaration&, const Delta&)>;

// Waits for the callback of `before_apply`; throws what it is given.
asio::awaitable<void> wait_for(BeforeApply before_apply) {
  auto start = [before_apply = std::move(before_apply)](auto handler) mutable {
    before_apply([handler = std::move(handler)](Result<void> result) mutable {
      std::move(handler)(result ? std::exception_ptr() : std::make_exception_ptr(result.error()));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr)>(std::move(start),
                                                                                          asio::use_awaitable);
}

asio::awaitable<Outcome> check_and_apply(std::shared_ptr<Run> run, AsyncResource& resource, Inputs inputs,
                                         Approve approve, BeforeApply before_apply) {
  Outcome outcome;
  outcome.delta = co_await resource.check(inputs);
  run->checked = Clock::now();
  if (approve && !outcome.delta.empty())
    if (std::optional<Error> refusal = approve(resource.declaration(), outcome.delta)) throw Error(*refusal);
  if (!outcome.delta.empty() && !inputs.dry) {
    if (before_apply) co_await wait_for(std::move(before_apply));
    run->applying = Clock::now();
    Delta delta = outcome.delta;
    co_await resource.apply(std::move(delta));
  }
  co_return outcome;
}

void take_times(const Run& run, TimePoint begin, Outcome& outcome) {
  auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  outcome.end = Clock::now();
  outcome.seconds = static_cast<float>(seconds(outcome.end - begin));
  bool applied = run.applying != TimePoint{};
  outcome.timing = {.check = run.checked == TimePoint{} ? outcome.seconds : seconds(run.checked - begin),
                    .apply = applied ? seconds(outcome.end - run.applying) : -1};
}

// The boundary: what a run throws becomes a value here.
Error as_error(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const boost::system::system_error& error) {
    return Error(error.code() == asio::error::operation_aborted ? "cancelled" : error.code().message());
  } catch (const std::exception& error) {
    return Error(error.what());
  }
}

}  // namespace

std::shared_ptr<AsyncRun> start_async(Loop& loop, AsyncResource& resource, Inputs inputs, Approve approve,
                                      BeforeApply before_apply, std::move_only_function<void(Outcome)> done) {
  auto run = std::make_shared<Run>();
  TimePoint begin = Clock::now();
  asio::co_spawn(
      loop.io(), check_and_apply(run, resource, std::move(inputs), std::move(approve), std::move(before_apply)),
      asio::bind_cancellation_slot(run->signal.slot(), [run, begin, done = std::move(done)](
                                                           const std::exception_ptr& failure, Outcome outcome) mutable {
        if (failure) outcome.error = as_error(failure);
        take_times(*run, begin, outcome);
        done(std::move(outcome));
      }));
  return run;
}

}  // namespace mgmt
