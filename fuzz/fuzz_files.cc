// SPDX-License-Identifier: GPL-3.0-or-later
// Random file resources beside random hands at the file system, then what `mgmt settle` does. The end is the declared
// state or a reported error, what is reported is what the disk shows, and each step of the engine's changes only what
// its resource declares.
//
// One resource runs at a time, on one thread, and hands come between its steps: so an input does the same each time. In
// some histories those that wait have been started already.
// MGMT_FUZZ_TELL=1 tells what an input does; what fails does so by itself.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/files/choices.h"
#include "fuzz/files/declared.h"
#include "fuzz/files/disk.h"
#include "src/cli/settler.h"
#include "src/engine/run/engine.h"
#include "src/engine/transform/prepare.h"
#include "src/frontends/yaml/yaml.h"
#include "src/report/report.h"

namespace mgmt::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostOperations = 16;
// So many changes for so few hands are a fight that doesn't end.
constexpr std::size_t kMostChanges = 200;
constexpr Duration kPatience = 4s;

struct Graph {
  explicit Graph(Choices& choices, const Disk& disk)
      : declared(choices, disk), graph(yaml::load(declared.graph(), "graph.yaml").graph) {}
  Declared declared;
  /// Null if it is none.
  std::shared_ptr<const ResourceGraph> graph;
};

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

class History {
 public:
  /// `next`: another graph, later; null if it stays with the first.
  History(Disk& disk, const Graph& graph, const Graph* next, Choices& choices)
      : disk_(disk), declared_(&graph.declared), graph_(graph.graph), next_(next) {
    unsigned how = choices.below(8);
    crowd_ = how >= 4;
    std::size_t first = how % 4;
    std::vector<std::string> paths = declared_->paths();
    while (choices.any() && hands_.size() < kMostOperations) hands_.push_back(choose_operation(choices, paths));
    for (; first > 0 && !hands_.empty(); --first) do_next("at first");
    swap_at_ = hands_.size() / 2;
    seen_ = disk_.look();
    tell(declared_->graph());
  }

  void run() {
    report_.add(std::make_unique<Reader>(*this));
    Engine::Options options{.sema = crowd_ ? 0 : 1, .threads = 1};
    options.durability = Durability::None;
    options.random_seed = 1;
    options.approve = [this](const Declaration& declaration, const Delta& /*delta*/) {
      return before_apply(declaration);
    };
    engine_ = std::make_unique<Engine>(loop_, report_, options);
    cli::Settler settler(loop_, *engine_, [] { return false; });
    settle(settler, [&] { load(); });
    while (true) {
      check();
      if (next_ && hands_.size() <= swap_at_) {
        declared_ = &next_->declared;
        graph_ = std::exchange(next_, nullptr)->graph;
        tell("another graph:\n" + declared_->graph());
        settle(settler, [&] { load(); });
        continue;
      }
      if (hands_.empty()) break;
      hands_.front().gap = 0;
      moment("at rest");
      settle(settler, [] {});
    }
    try_again(settler);
    stop();
  }

 private:
  void load() { engine_->load(prepare(graph_, {}).graph); }

  enum class Last { Nothing, Fine, Failed };

  struct Reader : report::Reader {
    explicit Reader(History& to) : history(to) {}
    void on_event(const report::Event& event) override { history.on_event(event); }
    History& history;
  };

  void on_event(const report::Event& event) {
    if (engine_stops_) return;
    if (const auto* started = std::get_if<report::Started>(&event.body)) {
      if (!crowd_) moment("before a check of " + started->resource);
    } else if (const auto* changed = std::get_if<report::Changed>(&event.body)) {
      said(changed->resource, Last::Fine, "changed");
    } else if (const auto* fine = std::get_if<report::Fine>(&event.body)) {
      said(fine->resource, Last::Fine, "fine");
    } else if (const auto* failed = std::get_if<report::Failed>(&event.body)) {
      said(failed->resource, Last::Failed, "failed: " + failed->error);
    }
  }

  void said(const std::string& resource, Last what, const std::string& text) {
    last_[resource] = what;
    tell(resource + " " + text);
    if (!crowd_) moment("after " + resource);
  }

  // On the thread that is about to apply; nothing else is at work.
  std::optional<Error> before_apply(const Declaration& declaration) {
    tell("applies " + declaration.id());
    if (++changes_ > kMostChanges) fail("there is no end of changes");
    moment("before the apply");
    // What this one may change is told by how things are now.
    compare();
    acting_ = declared_->find(declaration.name);
    if (!acting_) fail("a resource that nobody declared");
    place_ = declared_->place_of(*acting_);
    return std::nullopt;
  }

  // One at which hands may come.
  void moment(const std::string& when) {
    if (hands_.empty() || hands_.front().gap-- > 0) return;
    compare();
    came_ = true;
    do {
      do_next(when);
    } while (!hands_.empty() && hands_.front().gap == 0);
    seen_ = disk_.look();
    // Of what is in the middle of its step.
    if (acting_) place_ = declared_->place_of(*acting_);
  }

  void do_next(const std::string& when) {
    tell(fmt::format("  {}: {}", when, disk_.perform(hands_.front())));
    hands_.pop_front();
  }

  void compare() {
    Snapshot now = disk_.look();
    Resource nobody;
    nobody.name = "nobody who may";
    if (std::string text = declared_->illegal(acting_ ? *acting_ : nobody, place_, seen_, now); !text.empty())
      fail(text);
    seen_ = std::move(now);
    acting_ = nullptr;
    place_ = {};
  }

  bool shares_inodes() const {
    return std::ranges::any_of(seen_, [](const auto& one) { return one.second.is_file() && one.second.links > 1; });
  }

  bool ask(cli::Settler& settler) {
    std::string answer;
    settler.ask(kPatience, [&](const std::string& json) {
      answer = json;
      loop_.stop();
    });
    loop_.run();
    tell(answer);
    return answer.contains("\"settled\": true");
  }

  void settle(cli::Settler& settler, const std::function<void()>& begin) {
    // inotify tells nothing of what is done by another name of a file: for that there is the slow look.
    bool recheck = shares_inodes();
    begin();
    if (recheck) engine_->recheck_all();
    // It is about what was done before the question.
    do {
      came_ = false;
      // Whoever had stopped this process has used up the patience.
      if (!ask(settler) && !ask(settler)) fail("it did not settle");
    } while (came_);
  }

  void check() {
    compare();
    for (const auto& [path, node] : seen_)
      if (path.contains(".mgmt-")) fail("a temporary file is left: " + path);
    Engine::Tally tally = engine_->tally();
    if (tally.left > 0 && tally.failed == 0) fail("something is left to do, and nothing failed");
    for (const Resource& resource : declared_->all()) {
      std::string id = "file[" + resource.name + "]";
      if (has(tally.left_ones, id)) continue;
      bool failed = has(tally.failed_ones, id);
      if (failed != (last_[id] == Last::Failed)) fail(id + ": the report and the settled state differ");
      if (failed || is_shared(resource)) continue;
      if (std::string wrong = declared_->wrong(resource); !wrong.empty()) fail(id + " is said to be fine: " + wrong);
    }
  }

  // With another resource, by another name of the same file: the two can't both have it.
  bool is_shared(const Resource& resource) const {
    auto own = seen_.find(disk_.place_of(resource.path, resource.follow));
    if (own == seen_.end() || !own->second.is_file() || own->second.links < 2) return false;
    return std::ranges::any_of(declared_->all(), [&](const Resource& other) {
      auto theirs = seen_.find(disk_.place_of(other.path, other.follow));
      return &other != &resource && theirs != seen_.end() && theirs->second.same_inode(own->second);
    });
  }

  // An error is that of the state that is there.
  void try_again(cli::Settler& settler) {
    std::map<std::string, Last> before = last_;
    if (std::ranges::none_of(before, [](const auto& one) { return one.second == Last::Failed; })) return;
    tell("tries again what failed");
    settle(settler, [&] { engine_->retry_failed(); });
    check();
    for (const auto& [id, last] : before)
      if (last == Last::Failed && last_[id] == Last::Fine) fail(id + " failed for what was no longer so");
  }

  void stop() {
    engine_stops_ = true;
    bool ended = false;
    engine_->stop(5s, [&](bool all_ended) {
      ended = all_ended;
      loop_.stop();
    });
    loop_.run();
    if (!ended) fail("it did not stop");
    engine_.reset();
  }

  void tell(std::string text) {
    static const bool at_once = std::getenv("MGMT_FUZZ_TELL") != nullptr;
    std::lock_guard lock(telling_);
    if (at_once) std::fprintf(stderr, "%s\n", text.c_str());
    story_.push_back(std::move(text));
  }

  [[noreturn]] void fail(const std::string& text) {
    for (const std::string& line : story_) std::fprintf(stderr, "%s\n", line.c_str());
    for (const auto& [path, node] : disk_.look())
      std::fprintf(stderr, "    %s: %s\n", path.c_str(), describe(&node).c_str());
    std::fprintf(stderr, "FAILED: %s\n", text.c_str());
    std::abort();
  }

  Disk& disk_;
  const Declared* declared_;
  std::shared_ptr<const ResourceGraph> graph_;
  const Graph* next_;
  std::size_t swap_at_ = 0;
  /// Resources are started together, and wait for the one thread; then hands come only at rest and before an apply.
  bool crowd_ = false;
  std::deque<Operation> hands_;
  Snapshot seen_;
  /// Who may have changed something since.
  const Resource* acting_ = nullptr;
  Place place_;
  std::map<std::string, Last> last_;
  std::size_t changes_ = 0;
  /// A hand, since this was false last.
  std::atomic<bool> came_ = false;
  std::mutex telling_;  // guards the next
  std::vector<std::string> story_;
  bool engine_stops_ = false;
  Loop loop_;
  report::Report report_;
  std::unique_ptr<Engine> engine_;
};

Disk& disk() {
  static Disk one;
  return one;
}

}  // namespace
}  // namespace mgmt::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*words*/) {
  mgmt::fuzz::disk();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mgmt;
  fuzz::Choices choices(data, size);
  fuzz::Graph first(choices, fuzz::disk());
  if (!first.graph) return -1;
  std::optional<fuzz::Graph> next;
  if (choices.below(3) == 2) next.emplace(choices, fuzz::disk());
  bool swaps = next && next->graph;
  fuzz::disk().reset();
  fuzz::History(fuzz::disk(), first, swaps ? &*next : nullptr, choices).run();
  return 0;
}
