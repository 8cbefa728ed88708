// SPDX-License-Identifier: GPL-3.0-or-later
// ask: questions that may never be answered, such as those to the name service with its LDAP server away. Each runs on
// a thread of its own, is waited for a few seconds, and is then abandoned: only who asked has lost something. Who asks
// the same meanwhile shares the answer; while one hangs, the same isn't asked again, and others are waited for less
// long.
//
//   uid_t uid = ask<uid_t>("looking up user joe", [] { return find("joe"); });         // a pool thread waits
//   Asking<uid_t> asking(loop, "looking up user joe", [] { ... }, [](Result<uid_t> uid) { ... });   // the loop doesn't
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>

#include "src/async/loop.h"
#include "src/base/error.h"

namespace mgmt {

namespace asking {

using Work = std::function<std::shared_ptr<void>()>;
struct Question;

/// The question of that key, begun if nobody has yet. Throws Error if it hangs, or too much does.
std::shared_ptr<Question> begin(const std::string& key, const std::string& what, Work work);
/// The answer; null: none came in time. Another job of the pool may run meanwhile.
std::shared_ptr<void> wait(Question& question);
Error no_answer(const std::string& what);

/// Someone on a loop who waits; destroyed, or told an answer, it is called no more.
class Listener {
 public:
  /// Calls with the answer, or null if none comes in time.
  Listener(Loop& loop, std::shared_ptr<Question> question, std::function<void(std::shared_ptr<void>)> call);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  void stop();
  void end(std::shared_ptr<void> answer);

  std::shared_ptr<Question> question_;
  std::function<void(std::shared_ptr<void>)> call_;
  Loop::Timer late_;
};

template <class T>
Work typed(std::function<T()> question) {
  return [question = std::move(question)]() -> std::shared_ptr<void> {
    try {
      return std::make_shared<Result<T>>(question());
    } catch (const Error& error) {
      return std::make_shared<Result<T>>(std::unexpected(error));
    }
  };
}

template <class T>
Result<T> taken(const std::shared_ptr<void>& answer, const std::string& what) {
  if (!answer) return std::unexpected(no_answer(what));
  return *static_cast<const Result<T>*>(answer.get());
}

}  // namespace asking

/// Throws Error. `question` may throw one, must not refer to anything that can end before it, and is the same wherever
/// `what` is.
template <class T>
T ask(const std::string& what, std::function<T()> question) {
  auto asked = asking::begin(typeid(T).name() + what, what, asking::typed<T>(std::move(question)));
  Result<T> answer = asking::taken<T>(asking::wait(*asked), what);
  if (!answer) throw Error(answer.error());
  return std::move(*answer);
}

/// A question of the loop's thread; destroyed before the answer came, it calls nothing. Throws Error as begin() does.
template <class T>
class Asking {
 public:
  Asking(Loop& loop, const std::string& what, std::function<T()> question, std::function<void(Result<T>)> done)
      : listener_(loop, asking::begin(typeid(T).name() + what, what, asking::typed<T>(std::move(question))),
                  [what, done = std::move(done)](const std::shared_ptr<void>& answer) {
                    done(asking::taken<T>(answer, what));
                  }) {}

 private:
  asking::Listener listener_;
};

}  // namespace mgmt
