// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "src/base/text.h"
#include "src/value/json.h"

namespace mgmt::cli {

using Level = report::Notice::Level;

namespace {

constexpr std::size_t kListed = 20;

std::string entries(std::uint64_t count) { return count == 1 ? "1 entry" : fmt::format("{} entries", count); }

// The same for what would do the same.
std::string name_of(const Preview::Result& result) {
  std::string all = fmt::format("{}\n", result.forecast.changes);
  for (const Forecast::Removal& one : result.forecast.removals) all += fmt::format("{} {}\n", one.path, one.entries);
  for (const std::string& path : result.protected_paths) all += path + "\n";
  return fmt::format("{:08x}", static_cast<std::uint32_t>(std::hash<std::string>{}(all)));
}

}  // namespace

bool Gate::Allowed::covers(const Preview::Result& result) const {
  return result.forecast.removed <= removals && result.forecast.changes <= changes &&
         std::ranges::all_of(result.protected_paths, [&](const auto& path) { return protected_paths.contains(path); });
}

std::uint64_t Gate::Watched::sum(std::uint64_t Done::* what, const std::string& but) const {
  std::uint64_t sum = 0;
  for (const auto& [id, done] : fresh)
    if (id != but) sum += done.*what;
  return sum;
}

Gate::~Gate() { *alive_ = false; }

Gate::Allowed Gate::allowed_of(const ResourceGraph& graph) const {
  return {.removals = options_.allow_removals.value_or(graph.limits.removals.value_or(kUnasked)),
          .changes = graph.limits.changes.value_or(UINT64_MAX)};
}

void Gate::consider(std::shared_ptr<const ResourceGraph> next, std::function<void()> go) {
  drop_preview();
  waiting_.reset();
  Allowed allowed = allowed_of(*next);
  Candidate candidate{.graph = std::move(next), .go = std::move(go), .allowed = std::move(allowed)};
  if (options_.noop || options_.planned) return admit(std::move(candidate));
  candidate.scope = to_be_previewed(running_(), *candidate.graph, candidate.allowed.removals);
  if (candidate.scope.empty()) return admit(std::move(candidate));
  candidate_ = std::move(candidate);
  look();
}

void Gate::look() {
  preview_ = std::make_unique<Preview>(loop_, candidate_->graph, candidate_->scope, options_.store_folder,
                                       [this](Preview::Result result) { looked(std::move(result)); });
}

void Gate::looked(Preview::Result result) {
  drop_preview();
  if (!candidate_->allowed.covers(result)) return wait(std::move(result));
  Candidate candidate = std::move(*candidate_);
  candidate_.reset();
  admit(std::move(candidate));
}

void Gate::drop_preview() {
  if (!preview_) return;
  ending_.push_back(std::move(preview_));
  Preview* preview = ending_.back().get();
  preview->stop([this, alive = alive_, preview](bool ended) {
    if (!*alive) return;
    // A stuck one stays: its thread uses it.
    if (!ended) stuck_ = true;
    std::erase_if(ending_, [&](auto& one) {
      if (one.get() != preview) return false;
      if (!ended) [[maybe_unused]]
        Preview* left = one.release();
      return true;
    });
    if (ending_.empty() && ended_) std::exchange(ended_, nullptr)(!stuck_);
  });
}

void Gate::stop(std::move_only_function<void(bool)> ended) {
  waiting_.reset();
  drop_preview();
  ended_ = std::move(ended);
  if (ending_.empty()) std::exchange(ended_, nullptr)(!stuck_);
}

void Gate::admit(Candidate candidate) {
  told_.clear();
  const Limits& limits = candidate.graph->limits;
  {
    std::lock_guard lock(mutex_);
    // What an earlier swap has left to do is still counted.
    for (VertexId v : candidate.scope) watched_.fresh.try_emplace(candidate.graph->vertices[v]->id());
    // What somebody said yes to may be kept as it is from then on.
    candidate.allowed.protected_paths.merge(watched_.allowed.protected_paths);
    watched_.allowed = std::move(candidate.allowed);
    watched_.protection = std::make_shared<Protection>(limits.protect);
    watches_ = !watched_.fresh.empty() || watched_.protection->any();
  }
  candidate.go();
}

void Gate::settled() {
  if (!watches_) return;
  std::lock_guard lock(mutex_);
  std::erase_if(watched_.fresh, [](const auto& one) { return !one.second.refused; });
  watches_ = !watched_.fresh.empty() || watched_.protection->any();
}

std::optional<Error> Gate::approve(const Declaration& declaration, const Delta& delta) {
  if (!watches_) return std::nullopt;
  std::shared_ptr<const Protection> protection;
  {
    std::lock_guard lock(mutex_);
    protection = watched_.protection;
  }
  std::vector<std::string> touched = protection->touched(declaration, delta);
  std::lock_guard lock(mutex_);
  for (const std::string& path : touched) {
    if (watched_.allowed.protected_paths.contains(path)) continue;
    watched_.refused_paths.insert(path);
    return Error(fmt::format("{} is protected by the `limits` of the graph, and would be changed", printable(path)))
        .hint("take it out of `protect` for as long as it is to change");
  }
  auto fresh = watched_.fresh.find(declaration.id());
  if (fresh == watched_.fresh.end() || options_.noop || declaration.meta->noop) return std::nullopt;
  Watched::Done done{.removals = removals_of(delta), .changes = changes_of(delta)};
  std::uint64_t removals = watched_.sum(&Watched::Done::removals, fresh->first) + done.removals;
  std::uint64_t changes = watched_.sum(&Watched::Done::changes, fresh->first) + done.changes;
  if (done.removals > 0 && removals > watched_.allowed.removals) {
    fresh->second.refused = true;
    return Error(fmt::format("it would remove {}, which couldn't be told before, and with that {} would go in this "
                             "swap, where {} may",
                             entries(done.removals), removals, watched_.allowed.removals))
        .hint(options_.how.empty() ? "--allow-removals sets how many may"
                                   : fmt::format("`{}` allows it", options_.how));
  }
  if (changes > watched_.allowed.changes) {
    fresh->second.refused = true;
    return Error(fmt::format("it would be change number {} of this swap, and `limits` of the graph allow {}", changes,
                             watched_.allowed.changes))
        .hint(options_.how.empty() ? "set `limits: changes` higher" : fmt::format("`{}` allows it", options_.how));
  }
  done.refused = fresh->second.refused;
  fresh->second = done;
  return std::nullopt;
}

std::string Gate::why(const Preview::Result& result, const Allowed& allowed) const {
  std::vector<std::string> parts;
  if (result.forecast.removed > allowed.removals)
    parts.push_back(
        fmt::format("it would remove {}, and {} may go unasked", entries(result.forecast.removed), allowed.removals));
  if (result.forecast.changes > allowed.changes)
    parts.push_back(
        fmt::format("it would change {} things, and its `limits` allow {}", result.forecast.changes, allowed.changes));
  if (auto found = std::ranges::find_if(result.protected_paths,
                                        [&](const auto& path) { return !allowed.protected_paths.contains(path); });
      found != result.protected_paths.end())
    parts.push_back(fmt::format("it would change {}, which its `limits` protect", printable(*found)));
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : "; ") + part;
  return all;
}

void Gate::wait(Preview::Result result) {
  std::string reason = why(result, candidate_->allowed);
  std::string plan = name_of(result);
  waiting_ = Waiting{std::move(*candidate_), std::move(result), std::move(plan), std::move(reason)};
  candidate_.reset();
  // What is collected may come again and again meanwhile.
  std::string told = waiting_->plan + waiting_->candidate.graph->name;
  if (std::exchange(told_, told) != told) tell(*waiting_);
  if (on_wait) on_wait(std::string(waiting_->why));
}

void Gate::tell(const Waiting& waiting) {
  const Preview::Result& result = waiting.result;
  std::string hint = "edit the graph";
  if (result.forecast.removed > waiting.candidate.allowed.removals)
    hint = fmt::format("--allow-removals {} lets as many go; or edit the graph", result.forecast.removed);
  if (!options_.how.empty()) hint = fmt::format("`{} {}` lets this happen; {}", options_.how, waiting.plan, hint);
  report_.emit(report::Notice{
      Level::Warning,
      fmt::format("nothing of the graph {} is begun: {}", printable(waiting.candidate.graph->name), waiting.why),
      hint});
  auto list = [&](std::size_t count, auto text_of) {
    for (std::size_t i = 0; i < std::min(count, kListed); ++i) report_.emit(report::Notice{Level::Warning, text_of(i)});
    if (count > kListed) report_.emit(report::Notice{Level::Warning, fmt::format("and {} more", count - kListed)});
  };
  list(result.protected_paths.size(),
       [&](std::size_t i) { return fmt::format("would change {}", printable(result.protected_paths[i])); });
  list(result.forecast.removals.size(), [&](std::size_t i) {
    const Forecast::Removal& one = result.forecast.removals[i];
    return fmt::format("would remove {}{} ({})", printable(one.path),
                       one.entries > 1 ? fmt::format(" with all that it holds, {}", entries(one.entries)) : "",
                       printable(one.by));
  });
}

Result<Gate::Yes> Gate::say_yes(const std::string& plan) {
  if (waiting_) {
    if (!plan.empty() && plan != waiting_->plan)
      return std::unexpected(Error(fmt::format("another plan waits by now: {}", waiting_->plan)));
    const Preview::Result& result = waiting_->result;
    Yes yes{.plan = waiting_->plan,
            .graph = waiting_->candidate.graph->name,
            .removals = result.forecast.removed,
            .changes = result.forecast.changes,
            .protected_paths = result.protected_paths};
    candidate_ = std::move(waiting_->candidate);
    waiting_.reset();
    Allowed& allowed = candidate_->allowed;
    allowed.removals = std::max(allowed.removals, yes.removals);
    allowed.changes = std::max(allowed.changes, yes.changes);
    allowed.protected_paths.insert(yes.protected_paths.begin(), yes.protected_paths.end());
    // The machine may have moved since.
    look();
    return yes;
  }
  std::lock_guard lock(mutex_);
  Yes yes{.plan = plan, .graph = running_().name};
  bool any = !watched_.refused_paths.empty();
  yes.protected_paths.assign(watched_.refused_paths.begin(), watched_.refused_paths.end());
  for (auto at = watched_.fresh.begin(); at != watched_.fresh.end();) {
    if (!at->second.refused) {
      ++at;
      continue;
    }
    any = true;
    at = watched_.fresh.erase(at);
  }
  if (!any || !plan.empty()) return std::unexpected(Error("nothing waits for a yes"));
  watched_.allowed.protected_paths.merge(watched_.refused_paths);
  watched_.refused_paths.clear();
  loop_.post([this, alive = alive_] {
    if (*alive && on_retry) on_retry();
  });
  return yes;
}

std::string Gate::waiting() const {
  if (!waiting_) return "";
  const Preview::Result& result = waiting_->result;
  std::string removes, paths;
  for (std::size_t i = 0; i < std::min(result.forecast.removals.size(), std::size_t{1000}); ++i) {
    const Forecast::Removal& one = result.forecast.removals[i];
    removes += fmt::format(R"({}{{"path": {}, "entries": {}, "resource": {}}})", i > 0 ? ", " : "",
                           json_quote(one.path), one.entries, json_quote(one.by));
  }
  for (const std::string& path : result.protected_paths)
    paths += fmt::format("{}{}", paths.empty() ? "" : ", ", json_quote(path));
  return fmt::format(
      R"({{"plan": {}, "graph": {}, "why": {}, "removals": {}, "changes": {}, "removes": [{}], "protected": [{}]}})",
      json_quote(waiting_->plan), json_quote(waiting_->candidate.graph->name), json_quote(waiting_->why),
      result.forecast.removed, result.forecast.changes, removes, paths);
}

}  // namespace mgmt::cli
