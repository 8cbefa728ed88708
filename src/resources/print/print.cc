// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/print/docs.h"
#include "src/resources/resource.h"

namespace mgmt {
namespace {

constexpr Param kParams[] = {
    {.name = "msg",
     .type = kStr,
     .doc = "The text to print. Control characters are shown escaped.",
     .default_text = "empty",
     .receives = true},
    {.name = "refresh_only",
     .type = kBool,
     .doc = "Print only when notified by a resource that changed something, not at the start.",
     .default_text = "false"},
};
constexpr ParamIndex kMsg = param_index(kParams, "msg");
constexpr ParamIndex kRefreshOnly = param_index(kParams, "refresh_only");

// Printing is what it does to the machine: once printed, the text is as declared.
class Print : public InlineResource {
 public:
  Print(std::shared_ptr<const Declaration> declaration, report::Report& report)
      : InlineResource(std::move(declaration)), report_(report) {}

  void watch(Subscriptions& /*into*/, Notify /*notify*/) override {}

  Delta check(const Inputs& inputs) override {
    Delta delta;
    if (!printed_ && !declaration_->params.get_or(kRefreshOnly, false))
      delta.changes.push_back({.param = "msg", .after = Value(message()), .action = true});
    else if (inputs.refresh) delta.changes.push_back({.param = "refresh", .after = Value(message()), .action = true});
    return delta;
  }

  void apply(const Delta& /*delta*/) override {
    report_.emit(report::Output{declaration_->id(), message(), report::Output::Stream::Print});
    printed_ = true;
  }

 private:
  // It is a line: the line end that a command's output comes with is not a part of it.
  std::string message() const {
    auto text = declaration_->params.get_or<std::string>(kMsg, "");
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }

  report::Report& report_;
  bool printed_ = false;
};

}  // namespace

extern const Kind kPrintKind;
constinit const Kind kPrintKind{
    .name = "print",
    .summary = "Prints a text once.",
    .params = kParams,
    .doc = print_docs::kDoc,
    .example = print_docs::kExample,
    .refresh = "It prints its text again.",
    .groups = true,
    .create = [](std::shared_ptr<const Declaration> declaration, Services& services) -> std::unique_ptr<Resource> {
      return std::make_unique<Print>(std::move(declaration), services.report);
    },
};

}  // namespace mgmt
