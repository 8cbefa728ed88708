// SPDX-License-Identifier: GPL-3.0-or-later
// RateLimit: how often events may lead to a look (`meta: limit, burst`): a bucket of `burst` tokens that fills by
// `limit` a second. Pure: time comes in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mgmt {

class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Span = std::chrono::steady_clock::duration;

  /// Takes a token: 0. Or how long it is until there is one; none is taken then.
  Span take(Time now, double limit, std::int64_t burst) {
    auto full = static_cast<double>(burst);
    if (last_ == Time{}) tokens_ = full;
    else tokens_ = std::min(full, tokens_ + std::chrono::duration<double>(now - last_).count() * limit);
    last_ = now;
    if (tokens_ >= 1) {
      tokens_ -= 1;
      return Span(0);
    }
    constexpr double kLongest = 1e9;  // seconds: what is longer never comes
    // Rounded up: the token is there when the time has come.
    return std::chrono::duration_cast<Span>(std::chrono::duration<double>(std::min((1 - tokens_) / limit, kLongest))) +
           std::chrono::microseconds(1);
  }

 private:
  Time last_{};
  double tokens_ = 0;
};

}  // namespace mgmt
