// SPDX-License-Identifier: GPL-3.0-or-later
// Report: the stream of events from who knows (engine, resources, frontends) to who shows (src/views).
// Lives on the loop's thread; a reader that has to wait for anything brings its own thread.
//
//   if (report.wanted()) report.emit(Started{"file[motd]"});
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "src/report/event.h"
#include "src/value/mask.h"

namespace mgmt::report {

class Reader {
 public:
  virtual ~Reader() = default;
  /// Called for each event, in order. Must not block.
  virtual void on_event(const Event& event) = 0;
  /// More waits to be shown than need be, and it is being shown: who can hold back for a moment should.
  virtual bool lags() const { return false; }
  /// The last call: writes what waits. False if the output failed, then or before, so that some of it is lost.
  virtual bool finish() { return true; }
};

class Report {
 public:
  void add(std::unique_ptr<Reader> reader) { readers_.push_back(std::move(reader)); }
  /// False while nobody reads: then an event need not even be built.
  bool wanted() const { return !readers_.empty(); }
  void emit(Body body);
  /// A reader asks for a moment: see Reader::lags().
  bool lags() const;
  /// From now on these texts are shown as ***, wherever a command, an error or a value has them.
  void hide(const Mask& secrets) { secrets_.add(secrets); }
  /// Drops the readers, which finish what they have begun to write. False if the output of one failed.
  bool close();

 private:
  std::vector<std::unique_ptr<Reader>> readers_;
  Mask secrets_;
};

}  // namespace mgmt::report
