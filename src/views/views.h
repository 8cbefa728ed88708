// SPDX-License-Identifier: GPL-3.0-or-later
// The readers of the report that a person or a program looks at.
//
//   if (auto reader = views::make_reader({.format = views::Format::Json})) report.add(std::move(reader));
#pragma once

#include <memory>

#include "src/report/report.h"

namespace mgmt::views {

enum class Format {
  Auto,      // Terminal where the descriptor is one, else Lines
  Lines,     // one line an event, with its time; under systemd's journal with its priority instead
  Terminal,  // the same without the time, and a live line of progress below
  Json,      // one object an event
  None,
};
enum class Color { Auto, Always, Never };

struct Options {
  Format format = Format::Auto;
  /// Auto: on a terminal that isn't "dumb", unless NO_COLOR is set. JSON is never coloured.
  Color color = Color::Auto;
  /// Notices below it aren't shown. Changes, failures, output and outcomes always are; Debug adds what was fine.
  report::Notice::Level level = report::Notice::Level::Info;
  /// Of lines: only failures, warnings, and a summary that tells of one. JSON is always whole.
  bool quiet = false;
  /// Duplicated: the caller's stays the caller's.
  int fd = 1;
};

/// What Options::color comes to for that descriptor.
bool use_color(const Options& options);

/// nullptr where nobody would read (Format::None, a closed descriptor), so that Report::wanted() can say so.
/// The reader never blocks whom it reads from; its destructor writes what is left, but waits no longer than
/// half a second for somebody who doesn't take it.
std::unique_ptr<report::Reader> make_reader(const Options& options);

}  // namespace mgmt::views
