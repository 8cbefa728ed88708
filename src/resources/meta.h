// SPDX-License-Identifier: GPL-3.0-or-later
// Meta parameters: what the engine, not the kind, does with a resource.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/value/param.h"

namespace mgmt {

struct Meta {
  /// Only check, never apply.
  bool noop = false;
  /// How often a failed check or apply is tried again by itself; negative: for ever. Not set: kDefaultRetry times in a
  /// row, and a success gives all of them back.
  std::optional<std::int64_t> retry;
  static constexpr std::int64_t kDefaultRetry = 3;
  /// A success gives all retries back, where `retry` is set.
  bool retryreset = false;
  /// A changed declaration gets all its retries back.
  bool reset = false;
  /// Between two tries. Not set: longer each time.
  std::optional<std::chrono::milliseconds> delay;
  /// Of one check and apply; 0: none.
  std::chrono::milliseconds timeout{0};
  /// Look so often instead of watching; 0: watch; below: once.
  std::chrono::milliseconds poll{0};
  /// At most `limit` events a second lead to a look, but for `burst` that may come at once. Infinite: no limit.
  double limit = std::numeric_limits<double>::infinity();
  std::int64_t burst = 0;
  /// A swap begins a resource that has failed anew, even if its declaration is equal.
  bool rewatch = false;
  /// A swap waits until the resource has been fine once.
  bool realize = false;
  /// "name:N": at most N resources that name it run at once (":N" and "name" are N and 1).
  std::vector<std::string> sema;
  /// Takes part in edges that are found by themselves.
  bool autoedge = true;
  /// May run as one with others of its kind.
  bool autogroup = true;
  /// The name may begin with `$`.
  bool dollar = false;
  /// In the graph, but run on other hosts only.
  bool hidden = false;
  /// Once it has left the graph, what it found is brought back.
  bool reverse = false;
  /// The hosts that may collect it, "*" for all; sorted.
  std::vector<std::string> exports;
  friend auto operator<=>(const Meta&, const Meta&) = default;
};

std::shared_ptr<const Meta> default_meta();

/// The table of all meta parameters.
std::span<const Param> meta_params();
/// The meta parameters from values bound to meta_params(). Throws Error for what one value alone can't
/// show (a semaphore without a name).
std::shared_ptr<const Meta> make_meta(const Params& values);

}  // namespace mgmt
