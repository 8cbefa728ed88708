// SPDX-License-Identifier: GPL-3.0-or-later
// Graphs: random graphs over a fixed set of things, and the small edits of them that people make. The place for what
// transforms a graph on its way to the engine: it goes through combine(), as in the product.
#pragma once

#include <memory>
#include <vector>

#include "src/resources/resource_graph.h"
#include "tests/simulator/random.h"

namespace mgmt::simulator {

class Graphs {
 public:
  Graphs(std::size_t things, Random& random);

  /// The graph as it is now.
  std::shared_ptr<const ResourceGraph> build() const;
  /// Changes a few vertices, parameters, meta parameters or edges; at times nothing.
  void edit();

  bool is_exported(std::size_t thing) const { return vertices_[thing].declaration->exported; }
  /// No event reaches it.
  bool is_deaf(std::size_t thing) const {
    return is_exported(thing) || vertices_[thing].declaration->meta->poll < std::chrono::seconds(0);
  }

 private:
  struct Vertex {
    bool present = true;
    std::shared_ptr<const Declaration> declaration;
  };
  struct Edge {
    VertexId from, to;
    bool notify;
  };

  std::shared_ptr<const Meta> random_meta();
  void declare(std::size_t thing, bool new_meta);
  void add_edge();

  Random& random_;
  std::vector<Vertex> vertices_;
  std::vector<Edge> edges_;
  /// From the first to the last; an edge goes forward in it.
  std::vector<VertexId> order_;
  std::uint32_t plain_meta_;  // percent of vertices without meta parameters
};

}  // namespace mgmt::simulator
