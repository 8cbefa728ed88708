// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/preview.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "src/resources/kind.h"

namespace mgmt::cli {

using namespace std::chrono_literals;

namespace {

// What can't be told by then isn't waited for.
constexpr std::chrono::milliseconds kPatience = 60s;

// Looked at once, and at nothing but itself: what edges would bring is there, only not yet which.
std::shared_ptr<Declaration> looked_at_once(const ResourceGraph& graph, VertexId v) {
  auto declaration = std::make_shared<Declaration>(*graph.vertices[v]);
  auto meta = std::make_shared<Meta>();
  meta->poll = -1s;
  meta->retry = 0;
  std::chrono::milliseconds own = declaration->meta->timeout;
  meta->timeout = own > 0ms ? std::min(own, kPatience) : kPatience;
  meta->dollar = declaration->meta->dollar;
  declaration->meta = std::move(meta);
  return declaration;
}

void fill_received(const ResourceGraph& graph, std::unordered_map<VertexId, std::shared_ptr<Declaration>>& chosen) {
  const std::vector<Topology::Edge>& ends = graph.topology.edges();
  for (std::size_t e = 0; e < ends.size(); ++e) {
    if (graph.edges[e].sends.empty()) continue;
    auto receiver = chosen.find(ends[e].to);
    if (receiver == chosen.end()) continue;
    for (const Send& send : graph.edges[e].sends)
      if (receiver->second->kind->params[send.param].type.base == Type::Base::Str)
        receiver->second->params.set(send.param, Value(""), receiver->second->pos);
  }
}

}  // namespace

class Preview::Reader : public report::Reader {
 public:
  explicit Reader(Preview& preview) : preview_(preview) {}
  void on_event(const report::Event& event) override {
    if (const auto* changed = std::get_if<report::Changed>(&event.body))
      preview_.result_.forecast.add(*preview_.by_id_.at(changed->resource), *changed->delta);
    else if (const auto* failed = std::get_if<report::Failed>(&event.body))
      preview_.result_.forecast.add_unknown(*preview_.by_id_.at(failed->resource));
  }

 private:
  Preview& preview_;
};

Preview::Preview(Loop& loop, const std::shared_ptr<const ResourceGraph>& graph, const std::vector<VertexId>& scope,
                 std::string store_folder, std::function<void(Result)> done)
    : loop_(loop), protection_(graph->limits.protect), done_(std::move(done)) {
  std::unordered_map<VertexId, std::shared_ptr<Declaration>> chosen;
  for (VertexId v : scope) chosen.emplace(v, looked_at_once(*graph, v));
  fill_received(*graph, chosen);
  auto part = std::make_shared<ResourceGraph>();
  part->name = graph->name;
  part->sources = graph->sources;
  bool views = false;
  for (VertexId v : scope) {
    const std::shared_ptr<Declaration>& declaration = chosen.at(v);
    const Kind& kind = *declaration->kind;
    views |= kind.views_managed_paths && kind.views_managed_paths(*declaration);
    by_id_.emplace(declaration->id(), declaration);
    part->vertices.push_back(declaration);
  }
  part->topology = Topology(part->vertices.size(), {});

  report_.add(std::make_unique<Reader>(*this));
  Engine::Options options{.noop = true, .ends_when_settled = true, .once = true, .store_folder = store_folder};
  if (views) options.managed = std::make_shared<ManagedPaths>(managed_paths_of(graph, store_folder));
  options.approve = [this](const Declaration& declaration, const Delta& delta) -> std::optional<Error> {
    std::vector<std::string> touched = protection_.touched(declaration, delta);
    if (touched.empty()) return std::nullopt;
    std::lock_guard lock(mutex_);
    std::ranges::move(touched, std::back_inserter(result_.protected_paths));
    return std::nullopt;
  };
  engine_ = std::make_unique<Engine>(loop, report_, std::move(options));
  // Posted: it may be settled before it is there.
  engine_->on_settled = [this](bool) {
    loop_.post([this, alive = alive_] {
      if (*alive) settled();
    });
  };
  engine_->load(std::move(part));
}

Preview::~Preview() { *alive_ = false; }

void Preview::settled() {
  if (!done_) return;
  result_.forecast.finish();
  std::ranges::sort(result_.protected_paths);
  std::exchange(done_, nullptr)(std::move(result_));
}

void Preview::stop(std::move_only_function<void(bool)> ended) {
  done_ = nullptr;
  engine_->stop(900ms, std::move(ended));
}

}  // namespace mgmt::cli
