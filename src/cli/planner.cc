// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/planner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <unordered_map>

#include "src/async/confine.h"
#include "src/base/path.h"
#include "src/base/text.h"
#include "src/cli/agent.h"
#include "src/cli/exit_code.h"
#include "src/cli/outside.h"
#include "src/resources/kind.h"
#include "src/value/hash.h"
#include "src/value/json.h"
#include "src/views/plan.h"

namespace mgmt::cli {
namespace {

using views::Plan;
using State = Plan::Resource::State;

// The descriptor on which the process inside finds its end of the socket (see outside.h).
constexpr int kInside = 3;

// What the dry run said of each resource.
class Seen : public report::Reader {
 public:
  struct Result {
    bool looked_at = false;
    std::shared_ptr<const Delta> delta;
    std::string error, hint;
    /// Who owes it the refresh that it was looked at for.
    std::string owed_by = {};
  };
  using Results = std::unordered_map<std::string, Result>;
  explicit Seen(Results& results) : results_(results) {}

  void on_event(const report::Event& event) override {
    if (const auto* started = std::get_if<report::Started>(&event.body)) {
      if (started->cause.why == report::Cause::Why::Refresh) owed_by_[started->resource] = started->cause.from;
    } else if (const auto* fine = std::get_if<report::Fine>(&event.body)) {
      results_[fine->resource] = {.looked_at = true};
    } else if (const auto* changed = std::get_if<report::Changed>(&event.body)) {
      results_[changed->resource] = {
          .looked_at = true, .delta = changed->delta, .owed_by = owed_by_[changed->resource]};
    } else if (const auto* failed = std::get_if<report::Failed>(&event.body)) {
      results_[failed->resource] = {.looked_at = true, .error = failed->error, .hint = failed->hint};
    } else if (const auto* notice = std::get_if<report::Notice>(&event.body)) {
      if (notice->level < report::Notice::Level::Warning) return;
      fmt::print(stderr, "mgmt: {}\n", printable(notice->text));
      if (!notice->hint.empty()) fmt::print(stderr, "  hint: {}\n", printable(notice->hint));
    }
  }

 private:
  Results& results_;
  std::unordered_map<std::string, std::string> owed_by_;
};

// Keyed hashes of deltas as they are, before anything of them is hidden. Filled by any thread.
class Seals {
 public:
  explicit Seals(std::string key) : key_(std::move(key)) {}
  std::string of(const Delta& delta) const { return hmac_hex(key_, to_json(delta)); }
  void add(const Declaration& declaration, const Delta& delta) {
    std::string seal = of(delta);
    std::lock_guard lock(mutex_);
    by_id_[declaration.id()] = std::move(seal);
  }
  std::string find(const std::string& id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? std::string() : found->second;
  }
  const std::string& key() const { return key_; }

 private:
  std::string key_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> by_id_;
};

bool is_unknown(const Delta& delta) {
  return std::ranges::any_of(delta.changes, [](const Change& change) { return !change.why.empty(); });
}

Plan make_plan(const ResourceGraph& graph, const Seen::Results& results, const Seals* seals) {
  Plan plan{.graph = graph.name, .file = graph.sources.empty() ? "" : graph.sources[0], .confined = confine::active()};
  plan.resources.reserve(graph.vertices.size());
  std::vector<std::size_t> place_of(graph.vertices.size());
  auto planned = [&](VertexId v) -> Plan::Resource& { return plan.resources[place_of[v]]; };

  for (VertexId v : graph.topology.topological_order()) {
    const Declaration& declaration = *graph.vertices[v];
    place_of[v] = plan.resources.size();
    Plan::Resource& resource =
        plan.resources.emplace_back(Plan::Resource{.id = declaration.id(), .place = graph.place_of(declaration.pos)});
    auto found = results.find(resource.id);
    if (found != results.end()) {
      const Seen::Result& result = found->second;
      resource.delta = result.delta;
      resource.error = result.error;
      resource.hint = result.hint;
      if (!result.error.empty()) resource.state = State::Failed;
      else if (result.delta) resource.state = is_unknown(*result.delta) ? State::Unknown : State::Change;
      if (seals && resource.state == State::Change) resource.seal = seals->find(resource.id);
    } else {
      resource.state = State::Unknown;
      for (VertexId before : graph.topology.predecessors(v)) {
        if (planned(before).state != State::Failed && planned(before).state != State::Blocked) continue;
        resource.state = State::Blocked;
        resource.blocked_by = planned(before).state == State::Failed ? planned(before).id : planned(before).blocked_by;
      }
      if (resource.state == State::Unknown)
        resource.delta = std::make_shared<Delta>(
            Delta{{{.param = "check", .known = false, .why = "it had not ended when the time was over"}}});
    }
    if (declaration.kind->is_guarded && declaration.kind->is_guarded(declaration))
      for (VertexId before : graph.topology.predecessors(v))
        if (planned(before).state == State::Change) resource.changes_before.push_back(planned(before).id);
  }
  // A refresh is a part of the receiver's delta: said here is whom it comes from.
  const std::vector<Topology::Edge>& edges = graph.topology.edges();
  for (std::size_t e = 0; e < edges.size(); ++e) {
    if (!graph.edges[e].notify || planned(edges[e].from).state != State::Change) continue;
    Plan::Resource& receiver = planned(edges[e].to);
    if (!receiver.delta ||
        std::ranges::find(receiver.delta->changes, "refresh", &Change::param) == receiver.delta->changes.end())
      continue;
    receiver.refreshed_by.push_back(planned(edges[e].from).id);
    planned(edges[e].from).refreshes.push_back(receiver.id);
  }
  // One that an earlier run has left undone comes from who changes nothing now.
  for (Plan::Resource& resource : plan.resources) {
    auto found = results.find(resource.id);
    if (found == results.end() || found->second.owed_by.empty() || !resource.refreshed_by.empty() || !resource.delta)
      continue;
    if (std::ranges::find(resource.delta->changes, "refresh", &Change::param) != resource.delta->changes.end())
      resource.refreshed_by.push_back(found->second.owed_by);
  }
  return plan;
}

// A plan as it was saved.
struct Saved {
  std::string path, graph_seal, key;
  std::vector<std::string> files;
  std::map<std::string, std::string> seals;  // by resource
};

const Value* find(const Map& map, std::string_view key) {
  auto found = std::ranges::find(map, key, &Map::value_type::first);
  return found == map.end() ? nullptr : &found->second;
}

std::string text_at(const Map& map, std::string_view key) {
  const Value* value = find(map, key);
  const auto* text = value ? value->get_if<std::string>() : nullptr;
  return text ? *text : "";
}

// One is a text, several are a list.
std::vector<std::string> files_of(const Map& map) {
  const Value* value = find(map, "files");
  const List* list = value ? value->get_if<List>() : nullptr;
  if (!list) return {text_at(map, "file")};
  std::vector<std::string> files;
  for (const Value& file : *list)
    if (const auto* text = file.get_if<std::string>()) files.push_back(*text);
  return files;
}

Saved read_saved(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) throw Error::system(errno, "reading the plan " + path);
  if ((status.st_uid != ::geteuid() && status.st_uid != 0) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw Error(fmt::format("{} could have been written by somebody else", path))
        .hint("a plan belongs to who applies it, and nobody else may write it (mode 0600)");
  auto no_plan = [&] {
    return Error(path + " is no saved plan").hint("`mgmt plan FILE --save " + path + "` makes one");
  };
  Result<Value> parsed = value_from_json(read_file(path));
  const Map* map = parsed ? parsed->get_if<Map>() : nullptr;
  const Value* version = map ? find(*map, "version") : nullptr;
  if (!version || !version->get_if<std::int64_t>()) throw no_plan();
  if (version->get<std::int64_t>() != 1)
    throw Error(fmt::format("{} was saved by another version of mgmt", path)).hint("make the plan again");
  Saved saved{.path = path, .graph_seal = text_at(*map, "seal"), .key = text_at(*map, "key"), .files = files_of(*map)};
  const Value* resources = find(*map, "resources");
  const List* list = resources ? resources->get_if<List>() : nullptr;
  if (saved.key.empty() || saved.files.empty() || !list) throw no_plan();
  for (const Value& item : *list) {
    const Map* resource = item.get_if<Map>();
    if (!resource) throw no_plan();
    if (std::string seal = text_at(*resource, "seal"); !seal.empty())
      saved.seals.emplace(text_at(*resource, "resource"), std::move(seal));
  }
  return saved;
}

std::string seal_of_graph(const std::string& key, const GraphFile& file) { return hmac_hex(key, file.source()); }

// What moved since the plan was saved, a line each; none: nothing.
std::vector<std::string> moved_since(const Saved& saved, const Plan& now, const Seals& seals) {
  std::vector<std::string> moved;
  std::map<std::string, std::string> left = saved.seals;
  for (const Plan::Resource& resource : now.resources) {
    auto then = left.extract(resource.id);
    std::string id = printable(resource.id);
    switch (resource.state) {
      case State::Fine:
        if (then) moved.push_back(id + " is as declared by now");
        break;
      case State::Change: {
        std::string what;
        for (const Change& change : resource.delta->changes) what += (what.empty() ? "" : ", ") + to_text(change);
        if (!then) moved.push_back(fmt::format("{} would change, which was not planned: {}", id, what));
        else if (then.mapped() != seals.find(resource.id))
          moved.push_back(fmt::format("{} would change otherwise by now: {}", id, what));
        break;
      }
      case State::Unknown: moved.push_back(id + " can't be checked without changing something"); break;
      case State::Failed: moved.push_back(fmt::format("{} can't be checked: {}", id, printable(resource.error))); break;
      case State::Blocked: moved.push_back(fmt::format("{} is behind {}", id, printable(resource.blocked_by))); break;
    }
  }
  for (const auto& [id, seal] : left) moved.push_back(printable(id) + " is not in the graph any more");
  return moved;
}

int refuse(const Saved& saved, const std::vector<std::string>& moved) {
  fmt::print(stderr, "mgmt: {} can't be applied: since it was made, something moved\n", saved.path);
  constexpr std::size_t kMost = 20;
  for (std::size_t i = 0; i < std::min(moved.size(), kMost); ++i) fmt::print(stderr, "  {}\n", moved[i]);
  if (moved.size() > kMost) fmt::print(stderr, "  and {} more\n", moved.size() - kMost);
  fmt::print(stderr, "  hint: `mgmt plan {} --save {}` makes it anew\n", fmt::join(saved.files, " "), saved.path);
  return kResourceFailed;
}

std::string was_edited(const Saved& saved) {
  return fmt::format("{} {} edited", fmt::join(saved.files, " "), saved.files.size() == 1 ? "was" : "were");
}

bool graph_moved(const Saved& saved, const GraphFile& file) {
  return seal_of_graph(saved.key, file) != saved.graph_seal;
}

// Makes the plan in this process, confined (`inside`) or not. `save_fd`: where it goes if it is to be saved.
int plan_here(const PlanCommand& command, int save_fd, Inside* inside = nullptr) {
  std::optional<Saved> saved;
  if (!command.same_as.empty()) saved = read_saved(command.same_as);
  // In the place where nothing can be changed it is the process outside that has judged them.
  GraphFiles files(command.run.files, confine::active() ? Trust() : Trust::of_this_process(command.run.trust_file));
  GraphFile file = files.load();
  std::fputs(file.text().c_str(), stderr);
  if (!file.graph) return kBadInput;
  file.messages.clear();
  if (saved && graph_moved(*saved, file)) return refuse(*saved, {was_edited(*saved)});

  if (!command.save.empty() && !file.graph->collects.empty()) {
    fmt::print(stderr, "mgmt: a plan of a graph that collects can't be saved: what others export is not in it\n");
    return kBadInput;
  }

  bool sealed = saved || !command.save.empty();
  std::optional<Seals> seals;
  if (sealed) seals.emplace(saved ? saved->key : random_key());
  std::string graph_seal = sealed ? seal_of_graph(seals->key(), file) : "";

  Seen::Results results;
  results.reserve(file.graph->vertices.size());
  AgentHooks hooks{.reader = std::make_unique<Seen>(results)};
  // Before there is an agent, and so before any guard.
  if (inside) hooks.answers = inside->ask(*file.graph);
  if (sealed)
    hooks.approve = [&](const Declaration& declaration, const Delta& delta) {
      seals->add(declaration, delta);
      return std::optional<Error>();
    };
  Agent agent(command.run, files, std::move(file), std::move(hooks));
  int code = agent.run();
  if (code > kSignalBase) return code;
  Plan plan = make_plan(agent.graph(), results, seals ? &*seals : nullptr);
  if (code == kPlanHasChanges || code == kOk) code = plan.empty() ? kOk : kPlanHasChanges;

  if (saved) {
    std::vector<std::string> moved = moved_since(*saved, plan, *seals);
    return moved.empty() ? kOk : refuse(*saved, moved);
  }
  plan.key = {};
  fmt::print("{}", command.json ? views::to_json(plan) : views::to_text(plan, views::use_color(command.run.view)));
  if (command.save.empty()) return code;
  if (plan.count(State::Fine) + plan.count(State::Change) != plan.resources.size()) {
    fmt::print(stderr, "mgmt: not saved: what isn't known of all resources can't be applied as it was planned\n");
    return code == kPlanHasChanges ? kResourceFailed : code;
  }
  plan.key = seals->key();
  plan.graph_seal = graph_seal;
  plan.files = files.absolute();
  plan.file = plan.files.front();
  write_all(save_fd, views::to_json(plan), command.save);
  return code;
}

// What is wrong is said.
bool judge(const GraphFiles& files) {
  std::vector<Message> doubts = files.doubts();
  for (Message& doubt : doubts) {
    doubt.level = Diagnostic::Level::Error;
    std::fputs(render(doubt).c_str(), stderr);
  }
  return doubts.empty();
}

int status_of(const Ending& ending) { return ending.signal != 0 ? kSignalBase + ending.signal : ending.status; }

// Whole and on the disk, or not at all.
void save(int from, const std::string& path) {
  std::string text = read_file(fmt::format("/proc/self/fd/{}", from));
  if (text.empty()) return;  // its reason was said
  replace_file(path, text, 0600);
  Fd saved(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!saved || ::fsync(saved.get()) != 0) throw Error::system(errno, "writing " + path);
}

// In a place of its own if there can be one.
int plan_apart(const PlanCommand& command, const std::vector<std::string>& arguments) {
  Fd keep;
  if (!command.save.empty()) {
    keep = Fd(::memfd_create("plan", MFD_CLOEXEC));
    if (!keep) throw Error::system(errno, "making a place for the plan");
  } else if (std::ranges::find(command.run.files, kStandardInput) != command.run.files.end()) {
    keep = Fd(::memfd_create("graph", MFD_CLOEXEC));
    if (!keep) throw Error::system(errno, "making a place for the graph");
    write_all(keep.get(), standard_input(), "the graph");
    ::lseek(keep.get(), 0, SEEK_SET);
  }
  std::vector<std::string> argv{"/proc/self/exe"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  auto outside = std::make_unique<Outside>(keep.get());
  auto ending = confine::run(argv, outside->inside());
  outside.reset();
  int code = 0;
  if (ending) {
    code = status_of(*ending);
  } else if (ending.error().refused) {
    fmt::print(stderr,
               "mgmt: a place where nothing can be changed can't be had here ({}): guards of commands are not run\n",
               ending.error().error.text());
    code = plan_here(command, keep.get());
  } else {
    throw Error(ending.error().error);
  }
  if (!command.save.empty()) save(keep.get(), command.save);
  return code;
}

}  // namespace

int plan(const PlanCommand& command, const std::vector<std::string>& arguments) {
  if (confine::active()) {
    // A guard runs as the same user: it is not to open what this process has open (/proc/PID/fd).
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // Who answers outside may have gone: then nothing is known, and the plan goes on.
    std::signal(SIGPIPE, SIG_IGN);
    Inside inside(kInside);
    if (inside.kept()) keep_standard_input(inside.kept().get());
    return plan_here(command, inside.kept().get(), &inside);
  }
  if (!judge(GraphFiles(command.run.files, Trust::of_this_process(command.run.trust_file)))) return kBadInput;
  return plan_apart(command, arguments);
}

int apply(const ApplyCommand& command) {
  Saved saved = read_saved(command.plan);
  PlanCommand again{.run = command.run, .same_as = command.plan};
  again.run.files = saved.files;
  again.run.noop = again.run.once = again.run.no_watch = true;
  std::vector<std::string> arguments{"plan", "--same-as", command.plan};
  arguments.insert(arguments.end(), saved.files.begin(), saved.files.end());
  if (!command.run.hostname.empty()) arguments.insert(arguments.end(), {"--hostname", command.run.hostname});
  if (!command.run.prefix.empty()) arguments.insert(arguments.end(), {"--prefix", command.run.prefix});
  GraphFiles files(saved.files, Trust::of_this_process(command.run.trust_file));
  if (!judge(files)) return kBadInput;
  if (int code = plan_apart(again, arguments); code != kOk) return code;

  GraphFile file = files.load();
  if (!file.graph || graph_moved(saved, file)) return refuse(saved, {was_edited(saved)});
  Seals seals(saved.key);
  // Between the check of all and this, somebody may have been faster.
  AgentHooks hooks{.approve = [&](const Declaration& declaration, const Delta& delta) -> std::optional<Error> {
                     auto planned = saved.seals.find(declaration.id());
                     if (planned != saved.seals.end() && planned->second == seals.of(delta)) return std::nullopt;
                     return Error("what it would change is not what was planned").hint("make the plan again");
                   },
                   .planned = true};
  RunCommand run = command.run;
  run.files = saved.files;
  run.once = run.no_watch = true;
  return Agent(std::move(run), std::move(files), std::move(file), std::move(hooks)).run();
}

}  // namespace mgmt::cli
