// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/report/report.h"

#include <algorithm>

namespace mgmt::report {
namespace {

// All that comes from outside mgmt in an event. What has no text of that sort is left alone.
struct Hide {
  const Mask& secrets;

  void operator()(Changed& changed) const {
    if (!changed.delta) return;
    auto delta = std::make_shared<Delta>(*changed.delta);
    secrets.hide(*delta);
    changed.delta = std::move(delta);
  }
  void operator()(Failed& failed) const {
    secrets.hide(failed.error);
    secrets.hide(failed.hint);
  }
  void operator()(Output& output) const { secrets.hide(output.line); }
  void operator()(Notice& notice) const {
    secrets.hide(notice.text);
    secrets.hide(notice.hint);
    secrets.hide(notice.excerpt);
  }
  void operator()(Summary& summary) const { secrets.hide(summary.outcome); }
  // Names and numbers.
  void operator()(GraphStarted&) const {}
  void operator()(Started&) const {}
  void operator()(Fine&) const {}
  void operator()(Converged&) const {}
  void operator()(Settled&) const {}
  void operator()(Durable&) const {}
  void operator()(Progress&) const {}
};

}  // namespace

void Report::emit(Body body) {
  if (readers_.empty()) return;
  if (!secrets_.empty()) std::visit(Hide{secrets_}, body);
  Event event{std::chrono::system_clock::now(), std::move(body)};
  for (const auto& reader : readers_) reader->on_event(event);
}

bool Report::lags() const {
  return std::ranges::any_of(readers_, [](const auto& reader) { return reader->lags(); });
}

bool Report::close() {
  bool whole = true;
  for (const auto& reader : readers_) whole = reader->finish() && whole;
  readers_.clear();
  return whole;
}

}  // namespace mgmt::report
