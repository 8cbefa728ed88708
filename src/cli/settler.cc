// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/settler.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "src/value/json.h"

namespace mgmt::cli {
namespace {

std::string list(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) out += (out.size() > 1 ? ", " : "") + json_quote(name);
  return out + "]";
}

}  // namespace

Settler::Settler(Loop& loop, Engine& engine, std::function<bool()> reads_file)
    : loop_(loop), engine_(engine), reads_file_(std::move(reads_file)) {}

void Settler::ask(Duration limit, Reply reply) {
  // What children have printed, and whatever else comes through a descriptor, is handled by then: the first turn asks
  // the kernel which are readable, and their calls come before the second.
  in_two_turns([this, limit, reply = std::move(reply)]() mutable { begin(limit, std::move(reply)); });
}

void Settler::in_two_turns(std::move_only_function<void()> call) {
  loop_.post([this, alive = alive_, call = std::move(call)]() mutable {
    if (!*alive) return;
    loop_.post([alive, call = std::move(call)]() mutable {
      if (*alive) call();
    });
  });
}

void Settler::begin(Duration limit, Reply reply) {
  engine_.catch_up();
  std::uint64_t id = ++last_;
  Question& question = *(questions_[id] = std::make_unique<Question>(loop_));
  question.reply = std::move(reply);
  question.waits_for_file = reads_file_();
  // Posted: the time-out may be none at all, and what is settled already is.
  if (!question.waits_for_file) wait_for_engine(id);
  loop_.post([this, alive = alive_, id, limit] {
    if (!*alive) return;
    auto found = questions_.find(id);
    if (found != questions_.end()) found->second->limit.after(limit, [this, id] { answer(id, false); });
  });
}

void Settler::on_file_read() {
  std::vector<std::uint64_t> ready;
  for (auto& [id, question] : questions_)
    if (std::exchange(question->waits_for_file, false)) ready.push_back(id);
  for (std::uint64_t id : ready) wait_for_engine(id);
}

void Settler::wait_for_engine(std::uint64_t id) {
  engine_.when_handled([this, alive = alive_, id] {
    if (*alive) answer(id, true);
  });
}

void Settler::answer(std::uint64_t id, bool settled) {
  auto found = questions_.find(id);
  if (found == questions_.end()) return;
  std::unique_ptr<Question> question = std::move(found->second);
  questions_.erase(found);
  Engine::Tally tally = engine_.tally();
  question->reply(
      fmt::format(R"({{"settled": {}, "resources": {}, "failed": {}, "left": {}, "failed_ones": {}, "left_ones": {}}})",
                  settled, tally.resources, tally.failed, tally.left, list(tally.failed_ones), list(tally.left_ones)));
}

}  // namespace mgmt::cli
