// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/svc/asked.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <optional>

#include "src/async/loop.h"
#include "src/resources/svc/facts.h"
#include "src/resources/svc/svc.h"

namespace mgmt::svc {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// A bus that hangs is given up by Bus after 10 s.
constexpr Duration kLimit = 15s;
// Who starts or stops a unit just now is waited for so long.
constexpr Duration kMoving = 5s;

// One unit. Lives until all are answered.
struct Asking {
  explicit Asking(Loop& loop) : events(loop), patience(loop) {}
  std::string name;
  std::shared_ptr<Systemd> systemd;
  Changes events;
  bool patient = true;
  Loop::Timer patience;
  Value answer{};
  asio::cancellation_signal cancel = {};
};

asio::awaitable<void> ask(Asking& asking) {
  Systemd::Watcher watcher(asking.systemd, asking.name, false,
                           [&](Systemd::Watcher::Event, std::string_view) { asking.events.add(); });
  co_await asking.systemd->ready();
  asking.patience.after(kMoving, [&] {
    asking.patient = false;
    asking.events.add();
  });
  UnitState unit;
  while (true) {
    std::uint64_t seen = asking.events.count();
    unit = co_await asking.systemd->read(asking.name);
    watcher.follow(unit.path);
    if (!moves(unit, true) || !asking.patient) break;
    co_await asking.events.more_than(seen);
  }
  asking.patience.cancel();
  Facts facts =
      co_await facts_of(asking.systemd, asking.name, unit, {.files = true, .reload = runs(unit), .names = true});
  asking.answer = to_value(facts);
}

}  // namespace

Value to_value(const Error& why) {
  Map map;
  map.emplace_back("error", Value(why.text()));
  return Value(std::move(map));
}

std::string why_not(const Value& answer) {
  const Map* map = answer.get_if<Map>();
  if (!map) return "systemd could not be asked";
  auto found = std::ranges::find(*map, "error", &Map::value_type::first);
  const std::string* text = found == map->end() ? nullptr : found->second.get_if<std::string>();
  return text ? *text : "";
}

std::vector<Value> answer(const std::vector<std::string>& questions) {
  Loop loop;
  std::shared_ptr<Systemd> managers[2];
  std::deque<Asking> all;
  std::size_t left = questions.size();
  Loop::Timer limit(loop);
  for (const std::string& question : questions) {
    Asking& asking = all.emplace_back(loop);
    std::optional<Question> parsed = parse_question(question);
    if (!parsed) {
      asking.answer = to_value(Error("this is no question about a unit"));
      --left;
      continue;
    }
    auto& systemd = managers[parsed->session ? 1 : 0];
    if (!systemd) systemd = std::make_shared<Systemd>(loop, parsed->session);
    asking.name = std::move(parsed->unit);
    asking.systemd = systemd;
    asking.answer = to_value(Error("systemd didn't answer in time"));
    auto done = [&loop, &left, &asking](const std::exception_ptr& failure) {
      try {
        if (failure) std::rethrow_exception(failure);
      } catch (const Error& error) {
        asking.answer = to_value(error);
      } catch (const std::exception&) {  // cancelled: it has its answer
      }
      asking.patience.cancel();
      if (--left == 0) loop.stop();
    };
    asio::co_spawn(loop.io(), ask(asking), asio::bind_cancellation_slot(asking.cancel.slot(), std::move(done)));
  }
  limit.after(kLimit, [&] {
    for (Asking& asking : all) asking.cancel.emit(asio::cancellation_type::all);
  });
  if (left > 0) loop.run();
  limit.cancel();
  std::vector<Value> answers;
  answers.reserve(all.size());
  for (Asking& asking : all) answers.push_back(std::move(asking.answer));
  return answers;
}

}  // namespace mgmt::svc
