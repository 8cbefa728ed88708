// SPDX-License-Identifier: GPL-3.0-or-later
// Writer: a thread that owns an output descriptor. Nothing but this thread ever waits for who reads the output.
//
// on_event() hands an event over and returns; the thread shows it by the View and writes. Events are kept up to a
// limit; what comes above it is dropped, and their number is shown where they would have stood. Of Progress only
// the latest is kept. A reader that went away (EPIPE) wants no more: that is said once on stderr, and no failure.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>

#include "src/base/fd.h"
#include "src/report/report.h"
#include "src/views/view.h"

namespace mgmt::views {

class Writer : public report::Reader {
 public:
  struct Limits {
    /// Of all events that wait, roughly in bytes.
    std::size_t bytes = std::size_t{64} << 20;
    /// Where what commands print has no room any more; and from where on they are asked to hold back, for as long as
    /// somebody reads.
    std::size_t output_bytes = std::size_t{3} << 20;
    std::size_t lag_bytes = std::size_t{512} << 10;
    std::chrono::milliseconds lag_patience{1000};
    /// How long the destructor waits while not a byte is taken.
    std::chrono::milliseconds patience{500};
  };

  Writer(Fd out, std::unique_ptr<View> view) : Writer(std::move(out), std::move(view), Limits{}) {}
  Writer(Fd out, std::unique_ptr<View> view, Limits limits);
  ~Writer() override { finish(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void on_event(const report::Event& event) override;
  bool lags() const override;
  /// Writes what waits. What nobody takes is given up, and its number said on stderr. False if the system refused some
  /// of it (a full disk).
  bool finish() override;

 private:
  class State;
  // Shared with the thread, which may be left behind in a write() that never returns.
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace mgmt::views
