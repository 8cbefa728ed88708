// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ctime>

#include "src/views/noise.h"
#include "src/views/prose.h"
#include "src/views/view.h"

namespace mgmt::views {

/// For a pipe or a file: each event with its local time (ISO 8601, milliseconds); for systemd's journal, which has its
/// own clock: each line with its priority ("<3>failed ...", sd-daemon(3)).
class Lines : public View {
 public:
  enum class Begins { WithTime, WithPriority };
  explicit Lines(Prose prose, Begins begins = Begins::WithTime) : prose_(prose), begins_(begins) {}
  bool wants(const report::Body& body) const override { return prose_.wants(body); }
  void show(const report::Event& event, std::string& out) override;
  void show_dropped(std::size_t count, std::string& out) override;
  void redraw(Time now, std::string& out) override;
  std::optional<Time> due() const override { return noise_.due(); }
  void finish(std::string& out) override;

 private:
  void append(std::chrono::system_clock::time_point time, const report::Body& body, std::string& out);
  void append_all(const std::vector<report::Body>& bodies, std::string& out);
  void append_time(std::chrono::system_clock::time_point time, std::string& out);

  Prose prose_;
  Begins begins_;
  Noise noise_;
  // The text of the last whole second: most events share it.
  std::time_t second_ = -1;
  std::string clock_, zone_;
};

/// What stands where events were dropped, without a line end.
std::string dropped_text(std::size_t count);

}  // namespace mgmt::views
