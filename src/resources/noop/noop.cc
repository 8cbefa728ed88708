// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/noop/docs.h"
#include "src/resources/resource.h"

namespace mgmt {
namespace {

constexpr Param kParams[] = {
    {.name = "comment", .type = kStr, .doc = "A remark. It has no effect."},
};

class Noop : public InlineResource {
 public:
  using InlineResource::InlineResource;
  void watch(Subscriptions& /*into*/, Notify /*notify*/) override {}
  Delta check(const Inputs& inputs) override {
    Delta delta;
    if (inputs.refresh) delta.changes.push_back({.param = "refresh", .action = true});
    return delta;
  }
  void apply(const Delta& /*delta*/) override {}
};

}  // namespace

extern const Kind kNoopKind;
constinit const Kind kNoopKind{
    .name = "noop",
    .summary = "Does nothing, and is always fine: a place for edges to meet.",
    .params = kParams,
    .doc = noop_docs::kDoc,
    .example = noop_docs::kExample,
    .refresh = "It passes the notification on, to all that it notifies.",
    .groups = true,
    .create = [](std::shared_ptr<const Declaration> declaration, Services&) -> std::unique_ptr<Resource> {
      return std::make_unique<Noop>(std::move(declaration));
    },
};

}  // namespace mgmt
