// SPDX-License-Identifier: GPL-3.0-or-later
// Drawer: graphs as pictures, by Graphviz's `dot`. It works in a child process while the loop goes on, however large
// the graph is.
//
//   Drawer drawer(loop, 60s, [](const Error& why) { ... });
//   drawer.draw(graph, "web.svg");
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "src/async/process.h"
#include "src/resources/resource_graph.h"

namespace mgmt::cli {

class Drawer {
 public:
  /// `limit`: the longest that one drawing may take; 0: any time. What goes wrong with one is told to `failed`.
  Drawer(Loop& loop, Duration limit, std::function<void(const Error&)> failed);
  ~Drawer() { give_up(); }
  Drawer(const Drawer&) = delete;
  Drawer& operator=(const Drawer&) = delete;

  /// False if there is no `dot`.
  static bool available();

  /// Draws into `path`, which ends with .svg or .png and appears whole. A drawing that is on its way is given up: its
  /// graph is no longer the one to be seen. Throws Error.
  void draw(const ResourceGraph& graph, const std::string& path);
  bool busy() const { return drawing_ != nullptr; }
  /// Called when a drawing has ended, well or not.
  std::function<void()> on_idle;
  /// Ends what is on its way; no process and no file of it stays.
  void give_up();

 private:
  struct Drawing;

  void on_started(Result<Child> child);
  void on_printed();
  void on_ended();
  void end();

  Loop& loop_;
  Duration limit_;
  std::function<void(const Error&)> failed_;
  Spawner spawner_;
  std::uint64_t count_ = 0;
  std::shared_ptr<Drawing> drawing_;
};

/// A picture by its name: .svg or .png.
bool is_picture(const std::string& path);

/// Throws Error if no file can be put there: the folder is missing or not writable, or something else stands there.
void check_target(const std::string& path);

/// Draws into a picture and waits for it; 0, or 128 and the number of the signal that ended it. Throws Error.
int draw_and_wait(const ResourceGraph& graph, const std::string& path);

}  // namespace mgmt::cli
