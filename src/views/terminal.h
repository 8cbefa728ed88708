// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "src/views/noise.h"
#include "src/views/prose.h"
#include "src/views/view.h"

namespace mgmt::views {

/// For a person at a terminal: the lines, and below them one that lives: "12/100 done, 1 failed, 3 running: exec[a]".
/// It is drawn when something changed, at most ten times a second, and not at all in a run shorter than that.
class Terminal : public View {
 public:
  /// `columns` is asked at each drawing: the window may have changed its size.
  Terminal(Prose prose, std::function<std::size_t()> columns) : prose_(prose), columns_(std::move(columns)) {}

  bool wants(const report::Body& body) const override;
  void show(const report::Event& event, std::string& out) override;
  void show_dropped(std::size_t count, std::string& out) override;
  void redraw(Time now, std::string& out) override;
  std::optional<Time> due() const override;
  void finish(std::string& out) override;

 private:
  void append(const std::vector<report::Body>& bodies, std::string& out);
  void erase(std::string& out);
  std::string live_text() const;

  Prose prose_;
  Noise noise_;
  std::function<std::size_t()> columns_;
  report::Progress progress_;
  bool has_progress_ = false;
  /// What is to be seen is no longer what is true.
  bool stale_ = false;
  bool drawn_ = false;
  std::string drawn_text_;
  /// Not before; none until the first redraw().
  std::optional<Time> next_;
};

/// The beginning of a line of text that fits into `columns`, ended by "…" where something is cut.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace mgmt::views
