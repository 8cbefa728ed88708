// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/report/report.h"

namespace mgmt::report {

void Report::emit(Body body) {
  if (readers_.empty()) return;
  Event event{std::chrono::system_clock::now(), std::move(body)};
  for (const auto& reader : readers_) reader->on_event(event);
}

bool Report::close() {
  bool whole = true;
  for (const auto& reader : readers_) whole = reader->finish() && whole;
  readers_.clear();
  return whole;
}

}  // namespace mgmt::report
