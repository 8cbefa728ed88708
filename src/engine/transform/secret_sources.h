// SPDX-License-Identifier: GPL-3.0-or-later
// What is copied from a file that a secret went to is secret too. Pure.
#pragma once

#include <memory>

#include "src/resources/resource_graph.h"

namespace mgmt {

/// The graph in which a path parameter (`source`, `fragments`) that is, or holds, the managed path of a resource with
/// secrets is a secret itself, and so on from copy to copy. `base` where there is none. Costs one look at each resource
/// where the graph holds no secret.
std::shared_ptr<const ResourceGraph> taint_secret_sources(const std::shared_ptr<const ResourceGraph>& base);

}  // namespace mgmt
