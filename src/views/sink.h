// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "src/base/fd.h"

namespace mgmt::views {

/// Writes to a descriptor that others may share (so it isn't made non-blocking) without being caught in it.
class Sink {
 public:
  enum class Outcome { Written, Refused, GivenUp, ReaderGone };

  /// Throws Error.
  Sink(Fd out, std::chrono::milliseconds patience);

  /// Blocks until all is written (Written), the system refused it (Refused: a full disk; said once on stderr), nobody
  /// will ever read (ReaderGone), or, after hurry(), nothing could be written for as long as `patience` (GivenUp).
  /// After Refused it may be tried again, with the next lines.
  Outcome write(std::string_view data);

  /// Any thread: from now on patience is limited.
  void hurry();
  /// Bytes so far. Any thread.
  std::uint64_t written() const { return written_; }

 private:
  bool wait_until_writable();

  Fd out_;
  Fd hurry_;  // eventfd
  std::chrono::milliseconds patience_;
  std::atomic<std::uint64_t> written_ = 0;
  bool in_hurry_ = false;
  bool is_file_ = false;
  bool is_terminal_ = false;
  bool refusal_told_ = false;
  /// What was refused had begun: the last line is not whole.
  bool torn_ = false;
};

/// One line to stderr, unless that would block.
void tell_stderr(std::string_view line);

}  // namespace mgmt::views
