// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mgmt::views {

/// What readers of the report ask of the graph that an event is about, by Declaration::id(). Immutable: any thread.
class GraphFacts {
 public:
  virtual ~GraphFacts() = default;

  struct Fact {
    std::string kind;
    /// Of all in the declaration that says what should be; equal declarations have equal ones, also in another run.
    std::uint64_t fingerprint = 0;
    /// The path that it manages; "" if none.
    std::string path;
    /// file:line:column of its declaration.
    std::string place = {};
  };
  virtual std::optional<Fact> find(const std::string& id) const = 0;
  /// All ids.
  virtual void each(const std::function<void(const std::string&)>& call) const = 0;
  /// What has to be fine before it, and what waits for it.
  virtual std::vector<std::string> before(const std::string& id) const = 0;
  virtual std::vector<std::string> after(const std::string& id) const = 0;
  /// Cheap, never 0: the same if the graph says the same.
  virtual std::uint64_t key() const = 0;
};

/// The graph that runs; on the loop's thread.
using GraphNow = std::function<std::shared_ptr<const GraphFacts>()>;

}  // namespace mgmt::views
