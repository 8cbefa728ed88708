// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/sharing.h"

#include <fmt/format.h>

#include "src/resources/kind.h"
#include "src/resources/wire.h"
#include "src/world/local/local_world.h"

namespace mgmt::cli {

Sharing::Sharing(Loop& loop, std::string prefix, std::string host, report::Report& report) : loop_(loop), prefix_(std::move(prefix)), host_(std::move(host)), report_(report) {}
Sharing::~Sharing() = default;

bool Sharing::needed(const ResourceGraph& graph) {
  if (!graph.collects.empty()) return true;
  for (const auto& declaration : graph.vertices)
    if (declaration->exported) return true;
  return false;
}

void Sharing::open() {
  if (world_) return;
  auto warn = [this](const std::string& text) { report_.emit(report::Notice{report::Notice::Level::Warning, text}); };
  world_ = std::make_unique<world::local::LocalWorld>(loop_, world::local::LocalWorld::Options{.prefix = prefix_, .warn = warn});
  exporter_ = std::make_unique<world::Exporter>(loop_, *world_, host_, warn);
}

void Sharing::follow(const ResourceGraph& graph, bool read_only) {
  open();
  if (!read_only) {
    std::set<world::Exporter::Name> keep;
    for (const auto& declaration : graph.vertices)
      if (declaration->exported) keep.insert({.kind = std::string(declaration->kind->name), .name = declaration->name});
    exporter_->retain(std::move(keep));
  }
  std::set<std::string> kinds;
  for (const Collect& collect : graph.collects) kinds.insert(std::string(collect.kind->name));
  if (!collector_) {
    auto warn = [this](const std::string& text) { report_.emit(report::Notice{report::Notice::Level::Warning, text}); };
    collector_ = std::make_unique<world::Collector>(loop_, *world_, host_, std::move(kinds), [this](const world::Collected& news) { decode(news); }, warn);
  } else {
    collector_->set_kinds(std::move(kinds));
  }
}

void Sharing::decode(const world::Collected& news) {
  for (const world::ExportId& id : news.removed) collected_.erase(id);
  for (const world::Exported& exported : news.put) {
    Result<Declaration> declaration = wire::decode(exported.bytes, exported.id.writer);
    if (!declaration) {
      report_.emit(report::Notice{report::Notice::Level::Warning, fmt::format("what host {} exports as {}[{}] can't be used: {}", exported.id.writer, exported.id.kind, exported.id.name, declaration.error().text())});
      collected_.erase(exported.id);
      continue;
    }
    collected_[exported.id] = std::make_shared<Declaration>(std::move(*declaration));
  }
  Declarations all;
  for (const auto& [id, declaration] : collected_) all.push_back(declaration);
  if (on_collected) on_collected(all);
}

void Sharing::publish(const Declaration& declaration, std::move_only_function<void(Result<bool>)> done) {
  open();
  Result<std::string> bytes = wire::encode(declaration);
  if (!bytes) {
    loop_.post([done = std::move(done), error = bytes.error()]() mutable { done(std::unexpected(error)); });
    return;
  }
  exporter_->publish({.kind = std::string(declaration.kind->name), .name = declaration.name}, std::move(*bytes), [done = std::move(done)](Result<void> result) mutable {
    if (result) done(true);
    else done(std::unexpected(result.error()));
  });
}

}  // namespace mgmt::cli
