// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "src/resources/resource.h"

namespace mgmt {

/// Check and apply are coroutines on the loop. Both may be cancelled at any co_await (a time-out, a stop):
/// boost::system::system_error(operation_aborted) is thrown there, and what they had begun (a child process) ends with
/// the objects that own it. Parameters by value: the caller is gone when they run.
class AsyncResource : public Resource {
 public:
  using Resource::Resource;
  Runs runs() const final { return Runs::Async; }
  virtual boost::asio::awaitable<Delta> check(Inputs inputs) = 0;
  virtual boost::asio::awaitable<void> apply(Delta delta) = 0;
  /// The process that the last apply started; 0: none.
  virtual std::int64_t child() const { return 0; }
};

}  // namespace mgmt
