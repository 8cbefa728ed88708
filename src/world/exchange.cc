// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/exchange.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "src/base/text.h"
#include "src/world/follower.h"

namespace mgmt::world {

struct Exporter::State : std::enable_shared_from_this<State> {
  State(Loop& on, World& to, std::string as, Warn tell)
      : loop(on), world(to), writer(std::move(as)), warn(std::move(tell)), again(on) {}

  struct Stored {
    std::string bytes;
    Revision revision;
  };
  struct Wanted {
    std::string bytes;
    std::vector<Done> done;
    bool sent = false;  // since it was last answered
  };

  Loop& loop;
  World& world;
  std::string writer;
  Warn warn;
  std::optional<Follower> follower;
  /// False until the first read: what is stored isn't known.
  bool known = false;
  std::map<std::string, Stored> stored;  // by key, as the next ones
  std::map<std::string, Wanted> wanted;
  std::optional<std::set<std::string>> keep;
  std::vector<Done> keep_done;
  std::function<void()> on_idle;
  bool withdrew = false;  // since keep_done was last answered
  /// Where `wanted` or `keep` and `stored` may differ.
  std::set<std::string> dirty;

  /// The commit on its way, or one whose outcome is unknown: it is repeated as it is.
  std::optional<Commit> commit;
  bool waits = false, scheduled = false, warned = false, closed = false;
  Loop::Timer again;
  BackOff back_off;

  std::string key_of(const Name& name) const { return export_key({writer, name.to, name.kind, name.name}); }

  void schedule() {
    if (std::exchange(scheduled, true)) return;
    loop.post([weak = weak_from_this()] {
      if (auto self = weak.lock(); self && !self->closed) {
        self->scheduled = false;
        self->flush();
      }
    });
  }

  void on_all(std::vector<Entry> entries) {
    known = true;
    for (const auto& [key, old] : stored) dirty.insert(key);
    stored.clear();
    for (Entry& entry : entries) {
      dirty.insert(entry.key);
      stored[entry.key] = {std::move(entry.value), entry.revision};
    }
    for (const auto& [key, want] : wanted) dirty.insert(key);
    schedule();
  }

  void note(const std::string& key, const std::optional<std::string>& bytes, Revision revision) {
    dirty.insert(key);
    auto found = stored.find(key);
    if (found != stored.end() && found->second.revision > revision) return;
    if (bytes) stored[key] = {*bytes, revision};
    else if (found != stored.end()) stored.erase(found);
  }

  void on_changes(const Changes& changes) {
    for (const Change& change : changes.changes) note(change.key, change.value, change.revision);
    schedule();
  }

  struct Answer {
    Done done;
    bool changed;
  };
  static void collect(std::vector<Done>& from, bool& changed, std::vector<Answer>& into) {
    bool was_changed = std::exchange(changed, false);
    for (Done& done : std::exchange(from, {})) into.push_back({std::move(done), was_changed});
  }
  static void answer(std::vector<Answer> answers) {
    for (Answer& one : answers)
      if (one.done) one.done(one.changed);
  }

  /// Commits the next difference, if nothing is on its way; answers what is stored.
  void flush() {
    if (!known || commit || waits) return;
    Commit next;
    std::size_t bytes = 0;
    std::vector<Answer> stored_now;
    for (auto at = dirty.begin(); at != dirty.end();) {
      const std::string& key = *at;
      auto want = wanted.find(key);
      auto is = stored.find(key);
      bool there = is != stored.end();
      bool differs = want != wanted.end() ? !there || is->second.bytes != want->second.bytes
                                          : there && keep && !keep->contains(key);
      if (!differs) {
        if (want != wanted.end()) collect(want->second.done, want->second.sent, stored_now);
        at = dirty.erase(at);
        continue;
      }
      std::size_t size = key.size() + (want != wanted.end() ? want->second.bytes.size() : 0);
      if (next.puts.size() + next.deletes.size() == kMaxCommitOperations || bytes + size > kMaxCommitBytes) break;
      bytes += size;
      if (want != wanted.end()) {
        next.puts.push_back({key, want->second.bytes});
        want->second.sent = true;
      } else {
        next.deletes.push_back(key);
        withdrew = true;
      }
      ++at;
    }
    if (dirty.empty()) collect(keep_done, withdrew, stored_now);
    if (!next.puts.empty() || !next.deletes.empty()) {
      next.request_id = new_request_id();
      commit = std::move(next);
      send();
    }
    auto keep_alive = shared_from_this();  // a call may destroy the Exporter
    answer(std::move(stored_now));
    if (!closed && dirty.empty() && !commit && on_idle) on_idle();
  }

  void send() {
    world.commit(*commit, [weak = weak_from_this()](CommitOutcome outcome) {
      if (auto self = weak.lock(); self && !self->closed) self->on_outcome(outcome);
    });
  }

  void on_outcome(const CommitOutcome& outcome) {
    if (const auto* revision = std::get_if<Revision>(&outcome)) {
      Commit sent = *std::exchange(commit, std::nullopt);
      for (const Put& put : sent.puts) note(put.key, put.value, *revision);
      for (const std::string& key : sent.deletes) note(key, std::nullopt, *revision);
      warned = false;
      back_off.reset();
      return flush();
    }
    if (const auto* unknown = std::get_if<Unknown>(&outcome)) return retry(unknown->cause);
    // It hasn't happened: the next try commits what is wanted by then.
    commit.reset();
    if (const auto* unavailable = std::get_if<Unavailable>(&outcome)) return retry(unavailable->cause);
    const auto* refused = std::get_if<Refused>(&outcome);
    retry(refused ? refused->cause : Error("a commit without conditions met a conflict"));
  }

  void retry(const Error& error) {
    if (!std::exchange(warned, true) && warn)
      warn(fmt::format("publishing what is exported: {}, trying again", error.text()));
    waits = true;
    again.after(back_off.next(), [this] {  // the timer is ours: it goes with us
      waits = false;
      if (commit) send();
      else flush();
    });
  }

  void fail_later(std::vector<Done> done, Error error) {
    loop.post([weak = weak_from_this(), done = std::move(done), error = std::move(error)]() mutable {
      auto self = weak.lock();
      if (!self || self->closed) return;
      for (Done& call : done)
        if (call) call(std::unexpected(error));
    });
  }
};

Exporter::Exporter(Loop& loop, World& world, std::string writer, Warn warn)
    : state_(std::make_shared<State>(loop, world, std::move(writer), warn)) {
  State* state = state_.get();  // owns the follower, which calls no more once it is destroyed
  state->follower.emplace(
      loop, world, exports_of(state->writer),
      Follower::Calls{.on_all = [state](std::vector<Entry> entries) { state->on_all(std::move(entries)); },
                      .on_changes = [state](const Changes& changes) { state->on_changes(changes); },
                      .warn = std::move(warn)});
}

Exporter::~Exporter() {
  state_->closed = true;
  state_->follower.reset();
  state_->again.cancel();
}

void Exporter::publish(const Name& name, std::string bytes, Done done) {
  State& s = *state_;
  std::string key = s.key_of(name);
  if (auto error = refusal({.puts = {{key, bytes}}})) {
    std::vector<Done> failed;
    failed.push_back(std::move(done));
    return s.fail_later(std::move(failed), std::move(*error).while_doing(
                                               fmt::format("exporting {}[{}]", name.kind, printable(name.name))));
  }
  State::Wanted& wanted = s.wanted[key];
  wanted.bytes = std::move(bytes);
  if (done) wanted.done.push_back(std::move(done));
  s.dirty.insert(std::move(key));
  s.schedule();
}

void Exporter::retain(std::set<Name> keep, Done done) {
  State& s = *state_;
  std::set<std::string> keys;
  for (const Name& name : keep) keys.insert(s.key_of(name));
  std::vector<Done> withdrawn;
  for (auto at = s.wanted.begin(); at != s.wanted.end();) {
    if (keys.contains(at->first)) {
      ++at;
      continue;
    }
    std::ranges::move(at->second.done, std::back_inserter(withdrawn));
    at = s.wanted.erase(at);
  }
  for (const auto& [key, stored] : s.stored) s.dirty.insert(key);
  // What is on its way may be stored any moment.
  if (s.commit)
    for (const Put& put : s.commit->puts) s.dirty.insert(put.key);
  s.keep = std::move(keys);
  if (done) s.keep_done.push_back(std::move(done));
  if (!withdrawn.empty()) s.fail_later(std::move(withdrawn), Error("withdrawn before it was published"));
  s.schedule();
}

void Exporter::set_on_idle(std::function<void()> call) { state_->on_idle = std::move(call); }
bool Exporter::idle() const { return state_->known && state_->dirty.empty() && !state_->commit; }

struct Collector::State {
  State(std::string to, std::set<std::string> of, Call call)
      : host(std::move(to)), kinds(std::move(of)), on_change(std::move(call)) {}

  std::string host;
  std::set<std::string> kinds;
  Call on_change;
  std::optional<Follower> follower;
  std::map<ExportId, std::string> entries;
  bool told = false;

  std::optional<ExportId> ours(const std::string& key) const {
    std::optional<ExportId> id = parse_export_key(key);
    if (id && kinds.contains(id->kind) && (id->to == kToAll || id->to == host)) return id;
    return std::nullopt;
  }

  void on_all(std::vector<Entry> all) {
    std::map<ExportId, std::string> now;
    for (Entry& entry : all)
      if (auto id = ours(entry.key)) now.emplace(std::move(*id), std::move(entry.value));
    Collected news;
    news.initial = !std::exchange(told, true);
    for (const auto& [id, bytes] : entries)
      if (!now.contains(id)) news.removed.push_back(id);
    for (const auto& [id, bytes] : now) {
      auto before = entries.find(id);
      if (before == entries.end() || before->second != bytes) news.put.push_back({id, bytes});
    }
    entries = std::move(now);
    tell(news);
  }

  void on_changes(const Changes& changes) {
    Collected news;
    for (const Change& change : changes.changes) {
      std::optional<ExportId> id = ours(change.key);
      if (!id) continue;
      auto before = entries.find(*id);
      if (!change.value) {
        if (before == entries.end()) continue;
        entries.erase(before);
        news.removed.push_back(std::move(*id));
      } else if (before == entries.end() || before->second != *change.value) {
        entries.insert_or_assign(*id, *change.value);
        news.put.push_back({std::move(*id), *change.value});
      }
    }
    tell(news);
  }

  void tell(const Collected& news) {
    if (news.initial || !news.put.empty() || !news.removed.empty()) on_change(news);
  }
};

Collector::Collector(Loop& loop, World& world, std::string host, std::set<std::string> kinds, Call on_change, Warn warn)
    : state_(std::make_shared<State>(std::move(host), std::move(kinds), std::move(on_change))) {
  // Each call keeps the state while it runs: on_change may destroy the Collector.
  std::weak_ptr<State> weak = state_;
  state_->follower.emplace(loop, world, std::string(kExportsPrefix),
                           Follower::Calls{.on_all =
                                               [weak](std::vector<Entry> all) {
                                                 if (auto self = weak.lock()) self->on_all(std::move(all));
                                               },
                                           .on_changes =
                                               [weak](const Changes& changes) {
                                                 if (auto self = weak.lock()) self->on_changes(changes);
                                               },
                                           .warn = std::move(warn)});
}

Collector::~Collector() = default;

void Collector::set_kinds(std::set<std::string> kinds) {
  if (kinds == state_->kinds) return;
  state_->kinds = std::move(kinds);
  state_->follower->restart();
}

const std::map<ExportId, std::string>& Collector::entries() const { return state_->entries; }

}  // namespace mgmt::world
