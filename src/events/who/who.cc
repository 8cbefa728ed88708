// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/who/who.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "src/events/who/look.h"

namespace mgmt::events {

Who::Who() : self_(::getpid()) {}

void Who::remember_processes() {
  if (!recent_) recent_.emplace();
}

void Who::did(const std::string& path, pid_t pid) {
  if (pid == self_) return;
  std::shared_ptr<const Process> who = find(pid);
  auto found = by_path_.find(path);
  if (found != by_path_.end()) {
    last_.splice(last_.begin(), last_, found->second);
  } else {
    last_.push_front({.path = path, .who = nullptr, .when = {}});
    by_path_.emplace(path, last_.begin());
  }
  last_.front().who = std::move(who);
  last_.front().when = Clock::now();
  if (last_.size() <= kMostPaths) return;
  by_path_.erase(last_.back().path);
  last_.pop_back();
}

std::shared_ptr<const Process> Who::take(const std::string& path) {
  if (last_.empty()) return nullptr;
  auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  Did did = std::move(*found->second);
  last_.erase(found->second);
  by_path_.erase(found);
  return Clock::now() - did.when < kKept ? std::move(did.who) : nullptr;
}

std::shared_ptr<const Process> Who::find(pid_t pid) {
  auto& known = batch_[pid];
  if (!known) known = std::make_shared<const Process>(describe(pid));
  return known;
}

const Process& Who::look_closer_at(const Process& process) {
  auto same = [&](const Process& one) { return one.pid == process.pid && one.started == process.started; };
  auto found = std::ranges::find_if(known_, same);
  if (found != known_.end()) {
    found->command = process.command;  // it may have executed another since
    return *found;
  }
  constexpr std::size_t kMost = 32;
  if (known_.size() >= kMost) known_.pop_back();
  known_.push_front(process);
  Process& closer = known_.front();
  look_closer(closer);
  if (closer.uid) closer.user = user(*closer.uid);
  return closer;
}

Process Who::describe(pid_t pid) {
  if (std::optional<Process> process = look_at(pid)) return look_closer_at(*process);
  Process ended{.pid = pid};
  if (!recent_) return ended;
  // A script may have ended as well by now.
  constexpr int kGenerations = 4;
  pid_t at = pid;
  for (int generation = 0; generation < kGenerations; ++generation) {
    std::optional<RecentProcesses::Found> found = recent_->find(at);
    if (!found) return ended;
    if (ended.command.empty()) ended.command = found->command;
    if (found->parent <= 0) return ended;
    at = found->parent;
    std::optional<Process> parent = look_at(at);
    if (!parent) continue;
    Process whole = look_closer_at(*parent);
    whole.pid = pid;
    whole.parent = parent->pid;
    whole.started = 0;
    // What executes nothing goes by its parent's name.
    if (!ended.command.empty()) whole.command = ended.command;
    return whole;
  }
  return ended;
}

const std::string& Who::user(uid_t uid) {
  constexpr std::size_t kMost = 64;
  if (users_.size() >= kMost) users_.clear();
  auto [at, fresh] = users_.try_emplace(uid);
  if (fresh) at->second = local_user(uid);
  return at->second;
}

}  // namespace mgmt::events
