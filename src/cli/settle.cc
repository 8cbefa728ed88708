// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/settle.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "src/base/text.h"
#include "src/cli/agent_socket.h"
#include "src/cli/exit_code.h"
#include "src/cli/place.h"

namespace mgmt::cli {
namespace {

std::size_t number(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  const auto* count = found ? found->get_if<std::int64_t>() : nullptr;
  return count ? static_cast<std::size_t>(*count) : 0;
}

// "file[a], file[b] and 3 more"
std::string some_of(const Value& value, std::string_view key, std::size_t all) {
  const Value* found = member(value, key);
  const List* names = found ? found->get_if<List>() : nullptr;
  if (!names || names->empty()) return "";
  std::string out;
  for (const Value& name : *names) {
    const auto* text = name.get_if<std::string>();
    out += fmt::format("{}{}", out.empty() ? ": " : ", ", text ? printable(*text) : "");
  }
  if (all > names->size()) out += fmt::format(" and {} more", all - names->size());
  return out;
}

}  // namespace

int settle(const SettleCommand& command) {
  Place place = place_of(command.prefix, command.hostname);
  auto answer = ask_agent(
      place.socket(), Value(Map{{"ask", Value(std::string("settle"))}, {"timeout", Value(command.timeout.count())}}),
      command.timeout + std::chrono::seconds(10));
  if (!answer) throw no_agent(place);
  const Value& value = answer->value;
  const Value* word = member(value, "settled");
  const bool* settled = word ? word->get_if<bool>() : nullptr;
  bool is_settled = settled && *settled;
  std::size_t resources = number(value, "resources"), failed = number(value, "failed"), left = number(value, "left");
  if (command.json) {
    fmt::print("{}\n", answer->json);
  } else if (!is_settled) {
    fmt::print("not yet: {} of {} still to do{}\n", left, counted(resources, "resource"),
               some_of(value, "left_ones", left));
  } else if (failed > 0) {
    fmt::print("settled with failures: {} of {} failed{}\n", failed, counted(resources, "resource"),
               some_of(value, "failed_ones", failed));
  } else {
    fmt::print("settled: {} as declared\n", counted(resources, "resource"));
  }
  return !is_settled ? kNotConverged : failed > 0 ? kResourceFailed : kOk;
}

}  // namespace mgmt::cli
