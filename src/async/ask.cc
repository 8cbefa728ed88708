// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/ask.h"

#include <fmt/format.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "src/async/no_signals.h"
#include "src/async/pool.h"

namespace mgmt::asking {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 5s;
// A service that leaves one question unanswered seldom answers another, and each may stand for a resource.
constexpr Duration kLittlePatience = 1s;
// Longer than that, and somebody else may use the pool's thread.
constexpr Duration kMoment = 10ms;
constexpr std::size_t kMostAtOnce = 64;

// Guards what stands below, and all Questions: they are few.
std::mutex mutex;
// Those without an answer.
std::map<std::string, std::shared_ptr<Question>> open;
std::size_t hanging = 0;

Duration patience() { return hanging == 0 ? kPatience : kLittlePatience; }

}  // namespace

// Shared with its thread, which may outlive whoever asked.
struct Question {
  std::string key;
  std::condition_variable answered;
  std::shared_ptr<void> answer = nullptr;
  /// Somebody has waited in vain.
  bool hangs = false;
  std::map<const Listener*, std::pair<Loop*, std::function<void(std::shared_ptr<void>)>>> listeners = {};
};

namespace {

void give_up(Question& question) {
  if (!std::exchange(question.hangs, true)) ++hanging;
}

void on_answer(const std::shared_ptr<Question>& question, std::shared_ptr<void> answer) {
  std::lock_guard lock(mutex);
  question->answer = std::move(answer);
  if (question->hangs) --hanging;
  open.erase(question->key);
  question->answered.notify_all();
  // Locked for the posts: a loop goes only after those who listen on it.
  for (auto& [listener, where] : question->listeners) {
    where.first->post([question, who = listener] {
      std::function<void(std::shared_ptr<void>)> call;
      {
        std::lock_guard again(mutex);
        auto found = question->listeners.find(who);
        if (found == question->listeners.end()) return;
        call = found->second.second;
      }
      call(question->answer);
    });
  }
}

}  // namespace

Error no_answer(const std::string& what) {
  return Error(what + ": no answer in time")
      .hint("the name service doesn't answer; /etc/nsswitch.conf says whom it asks, and getent(1) asks the same")
      .passing();
}

std::shared_ptr<Question> begin(const std::string& key, const std::string& what, Work work) {
  std::lock_guard lock(mutex);
  auto found = open.find(key);
  bool asked = found != open.end();
  if (asked ? found->second->hangs : open.size() >= kMostAtOnce) throw Error(no_answer(what));
  if (asked) return found->second;
  auto question = std::make_shared<Question>(key);
  try {
    NoSignals inherited;
    std::thread([question, work = std::move(work)] { on_answer(question, work()); }).detach();
  } catch (const std::system_error& failure) {
    throw Error::system(failure.code().value(), what + ": starting a thread");
  }
  open.emplace(key, question);
  return question;
}

std::shared_ptr<void> wait(Question& question) {
  std::unique_lock lock(mutex);
  Duration limit = patience();
  auto answered = [&] { return question.answer != nullptr; };
  if (question.answered.wait_for(lock, kMoment, answered)) return question.answer;
  lock.unlock();
  Pool::Waiting others_may_run;
  lock.lock();
  if (!question.answered.wait_for(lock, limit, answered)) give_up(question);
  return question.answer;
}

Listener::Listener(Loop& loop, std::shared_ptr<Question> question, std::function<void(std::shared_ptr<void>)> call)
    : question_(std::move(question)), call_(std::move(call)), late_(loop) {
  std::lock_guard lock(mutex);
  auto tell = [this](std::shared_ptr<void> answer) { end(std::move(answer)); };
  question_->listeners.emplace(this, std::pair(&loop, tell));
  // It may have been answered between the asking and this.
  late_.after(question_->answer ? Duration(0) : patience(), [this] {
    std::shared_ptr<void> answer;
    {
      std::lock_guard again(mutex);
      answer = question_->answer;
      if (!answer) give_up(*question_);
    }
    end(std::move(answer));
  });
}

Listener::~Listener() { stop(); }

void Listener::stop() {
  late_.cancel();
  std::lock_guard lock(mutex);
  question_->listeners.erase(this);
}

void Listener::end(std::shared_ptr<void> answer) {
  stop();
  auto call = std::move(call_);
  call(std::move(answer));
}

}  // namespace mgmt::asking
