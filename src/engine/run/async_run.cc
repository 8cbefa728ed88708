// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/run/async_run.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include "src/resources/async_resource.h"

namespace mgmt {

namespace asio = boost::asio;

namespace {

struct Run : AsyncRun {
  asio::cancellation_signal signal;
  void cancel() override { signal.emit(asio::cancellation_type::terminal); }
};

using Approve = std::function<std::optional<Error>(const Declaration&, const Delta&)>;

asio::awaitable<Outcome> check_and_apply(AsyncResource& resource, Inputs inputs, Approve approve) {
  Outcome outcome;
  outcome.delta = co_await resource.check(inputs);
  if (approve && !outcome.delta.empty())
    if (std::optional<Error> refusal = approve(resource.declaration(), outcome.delta)) throw Error(*refusal);
  if (!outcome.delta.empty() && !inputs.dry) {
    Delta delta = outcome.delta;
    co_await resource.apply(std::move(delta));
  }
  co_return outcome;
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
                                      std::move_only_function<void(Outcome)> done) {
  auto run = std::make_shared<Run>();
  TimePoint begin = Clock::now();
  asio::co_spawn(
      loop.io(), check_and_apply(resource, std::move(inputs), std::move(approve)),
      asio::bind_cancellation_slot(run->signal.slot(), [run, begin, done = std::move(done)](
                                                           const std::exception_ptr& failure, Outcome outcome) mutable {
        if (failure) outcome.error = as_error(failure);
        outcome.seconds = std::chrono::duration<float>(Clock::now() - begin).count();
        done(std::move(outcome));
      }));
  return run;
}

}  // namespace mgmt
