// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "src/views/view.h"

namespace mgmt::views {

/// For a program: one object an event, one line an object: {"time": 1764000000.123456, "event": "changed", …}.
/// docs/guide/running.md has the table of events. Progress is left out.
class Json : public View {
 public:
  explicit Json(report::Notice::Level level) : level_(level) {}
  bool wants(const report::Body& body) const override;
  void show(const report::Event& event, std::string& out) override;
  void show_dropped(std::size_t count, std::string& out) override;

 private:
  report::Notice::Level level_;
};

}  // namespace mgmt::views
