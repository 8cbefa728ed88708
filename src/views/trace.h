// SPDX-License-Identifier: GPL-3.0-or-later
// Trace: a run in the Trace Event Format that ui.perfetto.dev and chrome://tracing read: a track per worker and per
// child process, a slice for each check and apply, and an arrow from each resource to those that waited for it. What
// the loop waited for without a child (a service, an export) overlaps, and stands on tracks of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/base/fd.h"
#include "src/report/report.h"
#include "src/views/view.h"

namespace mgmt::views {

/// The resources that have to be fine before this one. Called on the writer's thread.
using Before = std::function<std::vector<std::string>(const std::string& resource)>;

class Trace : public View {
 public:
  explicit Trace(Before before) : before_(std::move(before)) {}
  bool wants(const report::Body& body) const override;
  void show(const report::Event& event, std::string& out) override;
  void show_dropped(std::size_t count, std::string& out) override;
  void finish(std::string& out) override;

 private:
  /// Where a resource's last slice ended.
  struct End {
    std::int64_t time = 0;
    std::int64_t track = 0;
  };
  void run(std::int64_t end, const std::string& resource, double seconds, const report::Timing& timing,
           std::string_view outcome, std::string& out);
  void slice(std::int64_t begin, std::int64_t length, std::int64_t track, std::string_view name,
             std::string_view category, std::string_view outcome, std::string& out);
  void instant(std::int64_t time, std::string_view text, std::string& out);
  void event(std::string_view json, std::string& out);
  std::int64_t track_of(const report::Timing& timing, std::int64_t begin, std::int64_t end, std::string& out);
  void name_track(std::int64_t track, const std::string& name, std::string& out);
  void name(std::string_view what, std::int64_t process, std::int64_t thread, std::string_view text, std::string& out);

  Before before_;
  std::int64_t begin_ = -1;  // µs since 1970; the trace counts from it
  bool any_ = false;
  std::uint64_t arrows_ = 0;
  std::unordered_map<std::string, End> ends_;
  /// By track: until when it is taken. And the processes that are named.
  std::unordered_map<std::int64_t, std::int64_t> taken_;
  std::unordered_set<std::int64_t> processes_;
  std::vector<std::int64_t> lanes_;  // until when each is taken
};

/// Writes into `file` until the report is closed.
std::unique_ptr<report::Reader> make_trace(Fd file, Before before);

}  // namespace mgmt::views
