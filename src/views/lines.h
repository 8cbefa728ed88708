// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ctime>

#include "src/views/prose.h"
#include "src/views/view.h"

namespace mgmt::views {

/// For a pipe or a file: each event with its local time (ISO 8601, milliseconds).
class Lines : public View {
 public:
  explicit Lines(Prose prose) : prose_(prose) {}
  bool wants(const report::Body& body) const override { return prose_.wants(body); }
  void show(const report::Event& event, std::string& out) override;
  void show_dropped(std::size_t count, std::string& out) override;

 private:
  void append_time(std::chrono::system_clock::time_point time, std::string& out);

  Prose prose_;
  // The text of the last whole second: most events share it.
  std::time_t second_ = -1;
  std::string clock_, zone_;
};

/// What stands where events were dropped, without a line end.
std::string dropped_text(std::size_t count);

}  // namespace mgmt::views
