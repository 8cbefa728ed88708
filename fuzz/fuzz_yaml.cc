// SPDX-License-Identifier: GPL-3.0-or-later
// Any text is a graph or has an error: nothing else comes out of yaml::load, and nothing of it comes out of bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/frontends/yaml/yaml.h"
#include "src/resources/dot.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  mgmt::yaml::Loaded loaded = mgmt::yaml::load(text, "graph.yaml");
  if ((loaded.graph == nullptr) != loaded.diagnostics.has_errors()) std::abort();
  if (loaded.rendered.empty() != loaded.diagnostics.items().empty()) std::abort();
  if (loaded.graph && mgmt::to_dot(*loaded.graph).empty()) std::abort();
  return 0;
}
