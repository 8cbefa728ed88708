// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/sharing.h"

#include <fmt/format.h>

#include <utility>

#include "src/resources/kind.h"
#include "src/resources/wire.h"
#include "src/world/local/local_world.h"

namespace mgmt::cli {

/// One declaration on its way: done when all hosts' are; true if any was new.
struct Sharing::Publishing {
  std::size_t left;
  Result<bool> result;
  std::move_only_function<void(Result<bool>)> done;

  void end(Result<bool> with) {
    if (auto call = std::exchange(done, nullptr)) call(std::move(with));
  }
};

Sharing::Sharing(Loop& loop, std::string prefix, std::string host, report::Report& report)
    : loop_(loop), prefix_(std::move(prefix)), host_(std::move(host)), report_(report) {}
Sharing::~Sharing() = default;

// One's own exports are collected like those of others: until they have come back, something is still to be done.
bool Sharing::idle() const {
  if (!exporter_ || trouble_) return true;
  if (!exporter_->idle()) return false;
  if (!collector_) return true;
  if (!has_heard_) return false;
  const auto& seen = collector_->entries();
  for (const auto& [id, bytes] : published_) {
    if (!kinds_.contains(id.kind) || (id.to != world::kToAll && id.to != host_)) continue;
    auto found = seen.find(id);
    if (found == seen.end() || found->second != bytes) return false;
  }
  for (const auto& [id, bytes] : seen)
    if (id.writer == host_ && !kept_.contains(id) && !read_only_) return false;
  return true;
}

void Sharing::maybe_idle() {
  if (on_idle && idle()) on_idle();
}

bool Sharing::needed(const ResourceGraph& graph) {
  if (!graph.collects.empty()) return true;
  for (const auto& declaration : graph.vertices)
    if (!declaration->exports_to().empty()) return true;
  return false;
}

world::ExportId Sharing::id_of(const Declaration& declaration, const std::string& to) const {
  return {.writer = host_, .to = to, .kind = std::string(declaration.kind->name), .name = declaration.name};
}

void Sharing::open() {
  if (world_) return;
  auto warn = [this](const std::string& text) { report_.emit(report::Notice{report::Notice::Level::Warning, text}); };
  auto trouble = [this](const std::string& text) { on_trouble(text); };
  world_ = std::make_unique<world::local::LocalWorld>(
      loop_, world::local::LocalWorld::Options{.prefix = prefix_, .warn = warn});
  exporter_ = std::make_unique<world::Exporter>(loop_, *world_, host_, trouble);
  exporter_->set_on_idle([this] {
    trouble_.reset();
    maybe_idle();
  });
}

void Sharing::follow(const ResourceGraph& graph, bool read_only) {
  open();
  if (!read_only) {
    std::set<world::Exporter::Name> keep;
    kept_.clear();
    for (const auto& declaration : graph.vertices) {
      for (const std::string& to : declaration->exports_to()) {
        world::ExportId id = id_of(*declaration, to);
        keep.insert({.kind = id.kind, .name = id.name, .to = id.to});
        kept_.insert(std::move(id));
      }
    }
    std::erase_if(published_, [&](const auto& one) { return !kept_.contains(one.first); });
    exporter_->retain(std::move(keep));
  }
  read_only_ = read_only;
  std::set<std::string> kinds;
  for (const Collect& collect : graph.collects) kinds.insert(std::string(collect.kind->name));
  kinds_ = kinds;
  if (!collector_) {
    auto trouble = [this](const std::string& text) { on_trouble(text); };
    collector_ = std::make_unique<world::Collector>(
        loop_, *world_, host_, std::move(kinds), [this](const world::Collected& news) { decode(news); }, trouble);
  } else {
    collector_->set_kinds(std::move(kinds));
  }
}

void Sharing::on_trouble(const std::string& text) {
  report_.emit(report::Notice{report::Notice::Level::Warning, "what agents share: " + text});
  trouble_ = Error("it can't be shared with other agents: " + text);
  for (const auto& weak : std::exchange(publishing_, {}))
    if (auto one = weak.lock()) one->end(std::unexpected(*trouble_));
  if (on_unreachable) on_unreachable();
  maybe_idle();
}

void Sharing::decode(const world::Collected& news) {
  trouble_.reset();
  has_heard_ = true;
  for (const world::ExportId& id : news.removed) collected_.erase(id);
  for (const world::Exported& exported : news.put) {
    Result<Declaration> declaration = wire::decode(exported.id, exported.bytes);
    if (!declaration) {
      report_.emit(report::Notice{report::Notice::Level::Warning,
                                  fmt::format("what host {} exports as {}[{}] can't be used: {}", exported.id.writer,
                                              exported.id.kind, exported.id.name, declaration.error().text())});
      collected_.erase(exported.id);
      continue;
    }
    collected_[exported.id] = std::make_shared<Declaration>(std::move(*declaration));
  }
  Declarations all;
  for (const auto& [id, declaration] : collected_) all.push_back(declaration);
  if (on_collected) on_collected(all);
  maybe_idle();
}

void Sharing::publish(const Declaration& declaration, std::move_only_function<void(Result<bool>)> done) {
  open();
  Result<std::string> bytes = wire::encode(declaration);
  if (!bytes) {
    loop_.post([done = std::move(done), error = bytes.error()]() mutable { done(std::unexpected(error)); });
    return;
  }
  std::span<const std::string> hosts = declaration.exports_to();
  auto all = std::make_shared<Publishing>(hosts.size(), Result<bool>(false), std::move(done));
  if (hosts.empty()) return loop_.post([all] { all->end(false); });
  if (trouble_) {
    loop_.post([all, error = *trouble_] { all->end(std::unexpected(error)); });
  } else {
    std::erase_if(publishing_, [](const auto& one) { return one.expired(); });
    publishing_.push_back(all);
  }
  for (const std::string& to : hosts) {
    world::ExportId id = id_of(declaration, to);
    published_[id] = *bytes;
    exporter_->publish({.kind = id.kind, .name = id.name, .to = id.to}, *bytes, [this, id, all](Result<bool> result) {
      if (!result) published_.erase(id);
      if (!result) all->result = std::move(result);
      else if (all->result && *result) all->result = true;
      if (--all->left == 0) all->end(std::move(all->result));
    });
  }
}

}  // namespace mgmt::cli
